"""Shards by rows against shards by bytes, on rows of very different length."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from benchmarks import steps
from benchmarks.arena import Arena
from benchmarks.contenders import SKEWED
from benchmarks.report import table
from benchmarks.rotation import Run, Say, measure
from benchmarks.seeding import LETTERS
from benchmarks.steps import Shard
from benchmarks.verify import WrongCells, rows_in

HEADERS = ["", "shards", "seconds", "mean shard s", "p95 shard s", "longest shard s"]
HEADERS += ["largest shard MiB", "peak MiB", "runs"]


@dataclass(frozen=True, slots=True)
class Turn:
    run: Run
    shards: list[Shard]

    def figures(self) -> list[float]:
        """In the order of the headers, from the number of shards on."""
        seconds = [shard.seconds for shard in self.shards]
        p95 = statistics.quantiles([*seconds, *seconds], n=20, method="inclusive")[-1]
        largest = max(shard.xml for shard in self.shards)
        return [
            len(seconds),
            self.run.seconds,
            statistics.fmean(seconds),
            p95,
            max(seconds),
            largest / 2**20,
            self.run.peak / 2**20,
        ]


def skew(arena: Arena, rows: int, turns: int, deadline: float, say: Say) -> str:
    """Both ways in turn on the same rows, as a Markdown table of medians.

    Shards by rows have the number of rows that gives as many shards as those by bytes.
    """
    steps.watch(arena.house)
    arena.grow(rows, LETTERS)
    by_bytes, by_rows = list[Turn](), list[Turn]()
    for turn in range(turns):
        if turn and time.monotonic() > deadline:
            say(f"Out of time in turn {turn + 1}: medians are of fewer runs.")
            break
        by_bytes.append(_turn(arena))
        each = -(-rows // len(by_bytes[0].shards))
        by_rows.append(_turn(arena, BENCH_SHARD_ROWS=str(each)))
        say(f"By bytes {by_bytes[-1].run.seconds:.1f} s, by rows {by_rows[-1].run.seconds:.1f} s")
    return table(HEADERS, [_line("shards by bytes", by_bytes), _line("shards by rows", by_rows)])


def _turn(arena: Arena, **env: str) -> Turn:
    output = arena.house.folder / "skewed.xlsx"
    with arena.workers(SKEWED.workers, **env) as workers:
        run = measure(arena, SKEWED, output, workers)
    found = rows_in(output)
    if found != arena.rows:
        raise WrongCells(f"The file holds {found:,} rows, not {arena.rows:,}.")
    shards = steps.shards(arena.house)
    arena.sweep()
    output.unlink()
    return Turn(run, shards)


def _line(title: str, turns: list[Turn]) -> list[str]:
    medians = [statistics.median(values) for values in zip(*map(Turn.figures, turns), strict=True)]
    count, *seconds, largest, peak = medians
    return [
        title,
        f"{count:.0f}",
        *(f"{value:.2f}" for value in seconds),
        f"{largest:,.1f}",
        f"{peak:,.0f}",
        str(len(turns)),
    ]
