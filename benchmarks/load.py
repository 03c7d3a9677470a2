"""Many who look at exports and download files while two workers export, against an idle server."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks import meter
from benchmarks.arena import Arena
from benchmarks.downloading import Downloads, Wanted, download
from benchmarks.polling import SOURCE, Crowd, Polls, poll
from benchmarks.report import table
from benchmarks.rotation import Say
from benchmarks.site import Site, as_in_the_image, served, sign_in
from exportapp.client import ExportClient
from tests.worker import Worker

WORKERS: Final = 2
CLIENTS: Final = 200
DOWNLOADS: Final = 20
SECONDS: Final = 60.0
"""Of each run."""

PAGES: Final = 10
"""For so many polling clients there is one browser with the page of the export open."""

LOOK_SECONDS: Final = 0.5
RATES: Final = {"BENCH_RATES": json.dumps({"create": None, "download": None})}
"""All clients are one person, who would be refused a download after 300 in a minute."""

CONNECTIONS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Run:
    crowd: Crowd
    polls: Polls
    downloads: Downloads
    seconds: float
    """How long it was to take, which is what the downloads took."""
    web: int
    """Resident bytes of the largest process of the web server."""
    worker: int
    """The same of the workers."""
    connections: int

    @property
    def errors(self) -> list[str]:
        return self.polls.errors + self.downloads.errors

    @property
    def rate(self) -> float:
        """Exported rows a second."""
        return self.polls.rows / self.polls.exporting if self.polls.exporting else 0.0


def load(arena: Arena, rows: int, clients: int, downloads: int, seconds: float, say: Say) -> str:
    """The figures of three runs of so many seconds, and their ratios, as a Markdown table."""
    say(f"Making {rows:,} rows")
    arena.grow(rows)
    pages = max(1, clients // PAGES)
    crowds = {
        "idle": Crowd(1, 1, 0, exports=False),
        "exporting": Crowd(1, 1, 0, exports=True),
        "load": Crowd(clients, pages, downloads, exports=True),
    }
    session, runs, export = sign_in(arena), list[Run](), ""
    with arena.workers(WORKERS) as workers:
        for name, crowd in crowds.items():
            # A new one each time: the memory of a process never shrinks below its peak.
            with served(arena, as_in_the_image(), session, RATES) as site:
                export = export or _export(site)
                say(f"{name}: {crowd}")
                runs.append(_run(arena, site, workers, crowd, export, seconds))
            for error in runs[-1].errors[:3]:
                say(f"*** {error} ***")
    arena.sweep()
    return table(["", *crowds, "load ÷ idle", "load ÷ exporting"], _lines(runs))


def _export(site: Site) -> str:
    """Have the workers make the file that is downloaded; returns the id of its export."""
    with _client(site) as client:
        return str(client.wait(client.create(SOURCE)["id"])["id"])


def _run(
    arena: Arena, site: Site, workers: Sequence[Worker], crowd: Crowd, export: str, seconds: float
) -> Run:
    with _client(site) as client:
        ((file),) = client.get(export)["files"][:1]
    wanted = Wanted(f"/api/exports/{export}/download/?file=1", file["size"], file["sha256"])
    spawn = multiprocessing.get_context("spawn")

    def connected() -> int:
        return int(arena.house.rows(CONNECTIONS)[0][0])

    with (
        meter.peak_of(site.pid) as web,
        meter.peak_of(*(worker.pid for worker in workers)) as worker,
        meter.highest(
            lambda: int(arena.house.rows(CONNECTIONS)[0][0]), LOOK_SECONDS
        ) as connections,
        ProcessPoolExecutor(2, mp_context=spawn) as pool,
    ):
        polling = pool.submit(poll, site, crowd, export, seconds)
        downloading = pool.submit(download, site, wanted, crowd.downloads, seconds)
        polls, downloads = polling.result(), downloading.result()
    arena.rest(workers)
    return Run(crowd, polls, downloads, seconds, web.most, worker.most, connections.most)


def _client(site: Site) -> ExportClient:
    return ExportClient(**{**site.options(), "base_url": f"{site.url}/api/"})


def _lines(runs: Sequence[Run]) -> list[list[str]]:
    return [[line.title, *line.figures(runs), *line.ratios(runs)] for line in LINES]


def _percentile(seconds: Sequence[float], percent: int) -> float:
    """By the nearest rank, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000 if ordered else math.nan


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    value: Callable[[Run], float]
    form: str = ",.0f"
    compared: bool = False

    def figures(self, runs: Sequence[Run]) -> list[str]:
        return [format(self.value(run), self.form) for run in runs]

    def ratios(self, runs: Sequence[Run]) -> list[str]:
        """Of the last run to each of the others; empty where that is no figure."""
        *others, last = map(self.value, runs)
        return [f"{last / other:.2f}" if self.compared and other else "" for other in others]


LINES: Final = (
    Line("clients that poll", lambda run: run.crowd.pollers),
    Line("pages of the admin that poll", lambda run: run.crowd.pages),
    Line("clients that download", lambda run: run.crowd.downloads),
    Line("polls/s", lambda run: len(run.polls.seconds) / run.polls.took, ",.1f"),
    Line("of them 304, %", lambda run: 100 * run.polls.known / len(run.polls.seconds)),
    Line("p50 of a poll, ms", lambda run: _percentile(run.polls.seconds, 50), ",.1f", True),
    Line("p99 of a poll, ms", lambda run: _percentile(run.polls.seconds, 99), ",.1f", True),
    Line("p50 of a page's poll, ms", lambda run: _percentile(run.polls.pages, 50), ",.1f", True),
    Line("p99 of a page's poll, ms", lambda run: _percentile(run.polls.pages, 99), ",.1f", True),
    Line("downloaded, MB/s", lambda run: run.downloads.bytes / run.seconds / 1e6),
    Line("files with the right SHA-256", lambda run: run.downloads.files),
    Line("rows/s of the exports", lambda run: run.rate, compared=True),
    Line("largest web process, MiB", lambda run: run.web / 2**20, compared=True),
    Line("largest worker, MiB", lambda run: run.worker / 2**20, compared=True),
    Line("most database connections", lambda run: run.connections, compared=True),
    Line("errors", lambda run: len(run.errors)),
)
