"""What stays the same when the table grows: memory, and the price of one shard."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.contenders import CONTENDERS
from benchmarks.report import table
from benchmarks.rotation import Run, Say, measure
from exportapp.states import JobState

CLICK = next(contender for contender in CONTENDERS if contender.key == "ours-2-workers")
PARTS = (10, 2, 1)
"""The tables: a tenth, a half and all of the rows asked for."""
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
HEADERS = ["rows", "seconds", "rows/s", "peak MiB", "plan s", "merge s", "cp s", "cp + fsync s"]
HEADERS += ["shards", "statements a shard", "Redis commands a shard"]


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    run: Run
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
        seconds = [self.plan, self.merge, self.copy, self.synced]
        return [
            f"{self.rows:,}",
            f"{self.run.seconds:.1f}",
            f"{self.rows / self.run.seconds:,.0f}",
            f"{self.run.peak / 2**20:,.0f}",
            *(f"{value:.2f}" for value in seconds),
            str(self.shards),
            f"{self.statements / self.shards:.1f}",
            f"{self.commands / self.shards:.1f}",
        ]


def scale(arena: Arena, rows: int, deadline: float, say: Say) -> str:
    """Our two workers on growing tables, up to `rows`, as a Markdown table.

    A size that would end after `deadline`, by what the last one took, is left out.
    """
    return table(HEADERS, (size.cells() for size in _sizes(arena, rows, deadline, say)))


def _sizes(arena: Arena, rows: int, deadline: float, say: Say) -> Iterator[Size]:
    log = _log_statements(arena)
    took = 0.0
    for wanted in (rows // part for part in PARTS):
        expected = took * wanted / (arena.rows or wanted)
        if time.monotonic() + expected > deadline:
            say(f"No time for {wanted:,} rows.")
            return
        started = time.monotonic()
        arena.grow(wanted)
        size = _measure(arena, log)
        took = time.monotonic() - started
        say(f"{wanted:,} rows in {size.run.seconds:.1f} s")
        yield size


def _measure(arena: Arena, log: Path) -> Size:
    output = arena.house.folder / "scale.xlsx"
    with arena.workers(CLICK.workers) as workers:
        arena.house.redis().config_resetstat()
        logged = log.stat().st_size
        run = measure(arena, CLICK, output, workers)
        commands = _redis_commands(arena)
    with log.open("rb") as file:
        file.seek(logged)
        statements = len(STATEMENT.findall(file.read()))
    ((plan, merge, shards),) = arena.house.rows(PHASES, [JobState.MERGING.value])
    copy, synced = _copied(output)
    arena.sweep()
    output.unlink()
    return Size(arena.rows, run, plan, merge, copy, synced, shards, statements, commands)


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
