"""What stays the same when the table grows: memory, and the price of one shard."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import steps
from benchmarks.arena import Arena
from benchmarks.contenders import NARROW
from benchmarks.report import table
from benchmarks.rotation import Run, Say, measure
from benchmarks.seeding import TICKS
from benchmarks.verify import WrongCells, rows_in
from exportapp.states import JobState

PARTS = (20, 4, 1)
"""The tables: a twentieth, a quarter and all of the rows asked for."""
STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*): ")
PHASES = """
SELECT
    extract(epoch FROM job.planned_at - job.started_at)::float8,
    extract(epoch FROM job.finished_at - event.at)::float8,
    (SELECT count(*) FROM exportapp_exportshard shard WHERE shard.job_id = job.id)
FROM exportapp_exportjob job
JOIN exportapp_exportevent event ON event.job_id = job.id AND event.data->>'after' = %s
ORDER BY job.created_at DESC, event.id DESC
LIMIT 1
"""
HEADERS = ["rows", "seconds", "rows/s", "peak MiB", "first claim s", "plan s", "merge s"]
HEADERS += [
    "cp s",
    "cp + fsync s",
    "file MiB",
    "shards",
    "statements a shard",
    "Redis commands a shard",
]


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    run: Run
    claim: float
    """Seconds from the click until a worker has the first shard."""
    plan: float
    """Seconds until the last key range was found; extraction runs beside it."""
    merge: float
    copy: float
    """Seconds that `cp` of the same file takes."""
    synced: float
    """The same with the copy on the disk, which the merge makes sure of as well."""
    shards: int
    statements: int
    commands: int

    def cells(self) -> list[str]:
        seconds = [self.claim, self.plan, self.merge, self.copy, self.synced]
        return [
            f"{self.rows:,}",
            f"{self.run.seconds:.1f}",
            f"{self.rows / self.run.seconds:,.0f}",
            f"{self.run.peak / 2**20:,.0f}",
            *(f"{value:.2f}" for value in seconds),
            f"{self.run.size / 2**20:,.0f}",
            str(self.shards),
            f"{self.statements / self.shards:.1f}",
            f"{self.commands / self.shards:.1f}",
        ]


def scale(arena: Arena, sizes: Sequence[int], deadline: float, say: Say) -> str:
    """Our two workers on a table that grows to each of `sizes`, as a Markdown table.

    A size that would end after `deadline`, by what the last one took, is left out.
    """
    return table(HEADERS, (size.cells() for size in _sizes(arena, sizes, deadline, say)))


def _sizes(arena: Arena, sizes: Sequence[int], deadline: float, say: Say) -> Iterator[Size]:
    log = _log_statements(arena)
    steps.watch(arena.house)
    took = 0.0
    for wanted in sizes:
        expected = took * wanted / (arena.rows or wanted)
        if time.monotonic() + expected > deadline:
            say(f"No time for {wanted:,} rows.")
            return
        started = time.monotonic()
        arena.grow(wanted, TICKS)
        size = _measure(arena, log)
        took = time.monotonic() - started
        say(f"{wanted:,} rows in {size.run.seconds:.1f} s")
        yield size


def _measure(arena: Arena, log: Path) -> Size:
    output = arena.house.folder / "scale.xlsx"
    with arena.workers(NARROW.workers) as workers:
        arena.house.redis().config_resetstat()
        logged = log.stat().st_size
        run = measure(arena, NARROW, output, workers)
        commands = _redis_commands(arena)
    with log.open("rb") as file:
        file.seek(logged)
        statements = len(STATEMENT.findall(file.read()))
    ((plan, merge, shards),) = arena.house.rows(PHASES, [JobState.MERGING.value])
    claim = steps.until_first_claim(arena.house)
    copy, synced = _copied(output)
    found = rows_in(output)
    if found != arena.rows:
        raise WrongCells(f"The file holds {found:,} rows, not {arena.rows:,}.")
    arena.sweep()
    output.unlink()
    return Size(arena.rows, run, claim, plan, merge, copy, synced, shards, statements, commands)


def _redis_commands(arena: Arena) -> int:
    """Commands since the last reset, without those that the benchmark asks with."""
    stats = arena.house.redis().info("commandstats")
    own = ("cmdstat_llen", "cmdstat_info", "cmdstat_config")
    return sum(each["calls"] for name, each in stats.items() if not name.startswith(own))


def _copied(path: Path) -> tuple[float, float]:
    """Seconds that `cp` takes for the file, and seconds until the copy is on the disk."""
    target = path.with_suffix(".copy")
    started = time.monotonic()
    subprocess.run(["cp", path, target], check=True)
    copied = time.monotonic()
    with target.open("rb") as file:
        os.fsync(file.fileno())
    synced = time.monotonic()
    target.unlink()
    return copied - started, synced - started


def _log_statements(arena: Arena) -> Path:
    """Have the server log every statement from now on; returns its log.

    There is no pg_stat_statements in the server that pip installs.
    """
    name = arena.house.rows("SELECT current_database()")[0][0]
    arena.house.rows(f"ALTER DATABASE {name} SET log_statement = 'all'")
    return Path(arena.house.rows("SHOW data_directory")[0][0]) / "log"
