"""Contenders in turn, A B C A B C, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import meter
from benchmarks.arena import Arena
from benchmarks.contenders import LIMIT, Contender
from benchmarks.verify import WrongCells, check
from tests.worker import Worker

CONTENDER_SECONDS = 120
"""Whoever takes longer has failed."""

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    cpu: float
    """User and system seconds, without the database server's."""
    server_cpu: float
    """Those of PostgreSQL."""
    peak: float
    """Resident bytes of the largest process."""
    size: float
    """Bytes of the file."""


@dataclass(slots=True)
class Result:
    contender: Contender
    rows: int
    runs: list[Run] = field(default_factory=list)
    failed: str = ""

    def median(self, measure: str) -> float:
        return float(statistics.median(getattr(run, measure) for run in self.runs))


def rotate(
    arena: Arena,
    contenders: Sequence[Contender],
    turns: int,
    deadline: float,
    say: Say,
    keep: Path | None = None,
) -> list[Result]:
    """Measure every contender `turns` times, or until `deadline` on the monotonic clock.

    One that fails once is left out of later turns, and says why in `failed`. The files of the
    last turn stay in the folder `keep`, by the contenders' keys.
    """
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    results = [Result(contender, contender.rows(arena.rows)) for contender in contenders]
    for turn in range(1, turns + 1):
        for result in results:
            if time.monotonic() > deadline:
                say(f"Out of time in turn {turn}: medians are of fewer runs.")
                return results
            if not result.failed:
                _take_turn(arena, result, say, keep)
    return results


def measure(arena: Arena, contender: Contender, output: Path, workers: Sequence[Worker]) -> Run:
    """One run, until the workers are idle again; the file stays at `output`.

    Raises CalledProcessError and TimeoutExpired as subprocess.run does.
    """
    pids = [worker.pid for worker in workers]
    watched = [(pid, meter.cpu_seconds(pid)) for pid in pids]
    server = meter.cpu_seconds(arena.postmaster)
    with meter.peak_of(*pids) as peak:
        own = _run(arena, contender, output)
        arena.rest(workers)
    return Run(
        seconds=own.seconds,
        cpu=own.cpu + sum(meter.cpu_seconds(pid) - before for pid, before in watched),
        server_cpu=meter.cpu_seconds(arena.postmaster) - server,
        peak=max(own.peak, peak.most),
        size=output.stat().st_size,
    )


def _take_turn(arena: Arena, result: Result, say: Say, keep: Path | None) -> None:
    contender = result.contender
    output = (
        keep or arena.house.folder
    ) / f"{contender.key}.{'csv' if contender == LIMIT else 'xlsx'}"
    try:
        with arena.workers(contender.workers) as workers:
            run = measure(arena, contender, output, workers)
        # Each time: a time counts for the file that it made, not for an earlier one.
        check(output, result.rows, arena.digests(result.rows))
    except (subprocess.SubprocessError, WrongCells) as error:
        reason = getattr(error, "stderr", None) or str(error)
        result.failed = reason.strip().splitlines()[-1]
        say(f"{contender.title} FAILED:\n{reason}")
    else:
        result.runs.append(run)
        say(f"{contender.title}: {result.rows:,} rows in {run.seconds:.2f} s")
    if not keep:
        output.unlink(missing_ok=True)
    arena.sweep()


@dataclass(frozen=True, slots=True)
class _Own:
    seconds: float
    cpu: float
    peak: int


def _run(arena: Arena, contender: Contender, output: Path) -> _Own:
    before, started = _children_cpu(), time.monotonic()
    env = {**arena.house.env, **contender.env}
    said, peak = meter.run(arena.command(contender, output), env, CONTENDER_SECONDS)
    took, cpu = time.monotonic() - started, _children_cpu() - before
    # psql says nothing, and its start takes no time worth taking off.
    told = json.loads(said.splitlines()[-1]) if said else {"seconds": took, "cpu": cpu}
    return _Own(told["seconds"], told["cpu"], peak.most)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
