"""One export of 10 GB of sheet XML and more: time, memory, disk, and the merge against `cp`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from functools import partial
from pathlib import Path
from zipfile import ZipFile

from benchmarks import meter
from benchmarks.arena import Arena
from benchmarks.report import table
from benchmarks.rotation import Say
from benchmarks.verify import WrongCells
from exportapp.states import JobState

WORKERS = 2
SECONDS = 1800
"""An export that takes longer has failed."""

LOOK_SECONDS = 0.25

XML = """
SELECT sum((span->>3)::bigint)::float8
FROM exportapp_exportshard shard, jsonb_array_elements(shard.spans->'spans') span
WHERE shard.job_id = %s
"""
MERGE = """
SELECT extract(epoch FROM job.finished_at - event.at)::float8
FROM exportapp_exportjob job
JOIN exportapp_exportevent event ON event.job_id = job.id AND event.data->>'after' = %s
WHERE job.id = %s
ORDER BY event.id DESC LIMIT 1
"""
FILES = "SELECT path, size, rows FROM exportapp_exportfile WHERE job_id = %s ORDER BY number"
HEADERS = ["", "figure"]


def huge(arena: Arena, rows: int, say: Say) -> str:
    """The figures of an export of so many rows of eleven columns, as a Markdown table.

    Its files are read to the end, each against the CRC of every part, and the rows counted.
    """
    say(f"Making {rows:,} rows")
    arena.grow(rows)
    say("Exporting them")
    with arena.workers(WORKERS) as workers:
        pids = [worker.pid for worker in workers]
        started = time.monotonic()
        held = partial(_held, arena.house.exports)
        with meter.peak_of(*pids) as peak, meter.highest(held, LOOK_SECONDS) as disk:
            job = _export(arena)
        took = time.monotonic() - started
    files = [(arena.house.exports / path, size, n) for path, size, n in _files(arena, job)]
    _require_whole(rows, files)
    ((xml,),) = arena.house.rows(XML, [job])
    ((merge,),) = arena.house.rows(MERGE, [JobState.MERGING.value, job])
    copied = _copied([path for path, *_ in files], arena.house.folder / "copy")
    figures = {
        "rows × columns": f"{rows:,} × 11",
        "sheet XML, GB": f"{xml / 1e9:.1f}",
        "seconds": f"{took:.0f}",
        "rows/s": f"{rows / took:,.0f}",
        "largest process, MiB": f"{peak.most / 2**20:,.0f}",
        "files, GB": " + ".join(f"{size / 1e9:.2f}" for _, size, _ in files),
        "most on disk for shards and files, GB": f"{disk.most / 1e9:.2f}",
        "merge, s": f"{merge:.1f}",
        "cp of the files, then fsync, s": f"{copied:.1f}",
    }
    arena.sweep()
    return table(HEADERS, ([name, figure] for name, figure in figures.items()))


def _export(arena: Arena) -> str:
    """Have the workers do it. Raises RuntimeError with what was said of a failure."""
    options = ("benchmarks.Sale", "--queue", "--watch", "--json")
    done = arena.house.manage("export_excel", *options, timeout=SECONDS)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return str(json.loads(done.stdout)["id"])


def _files(arena: Arena, job: str) -> list[tuple[str, int, int]]:
    return [(str(path), int(size), int(n)) for path, size, n in arena.house.rows(FILES, [job])]


def _require_whole(rows: int, files: list[tuple[Path, int, int]]) -> None:
    for path, *_ in files:
        with ZipFile(path) as package:
            broken = package.testzip()
        if broken:
            raise WrongCells(f"{path.name}: the CRC of {broken} differs.")
    found = sum(n for *_, n in files)
    if found != rows:
        raise WrongCells(f"The files hold {found:,} rows, not {rows:,}.")


def _held(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def _copied(paths: list[Path], target: Path) -> float:
    """Seconds until copies of the files are on the disk."""
    target.mkdir()
    started = time.monotonic()
    for path in paths:
        subprocess.run(["cp", path, target], check=True)
        subprocess.run(["sync", target / path.name], check=True)
    return time.monotonic() - started
