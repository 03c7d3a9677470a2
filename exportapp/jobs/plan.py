"""Find the key ranges, one shard after the other, inserted while more are looked for.

Sheets come one after the other, and shards are numbered through. A planner that is killed leaves a
prefix of the ranges; the next one goes on behind it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

from django.db import transaction
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import NO_ERROR, PROGRESS, UNHELD, Lease
from exportapp.jobs.progress import Anchors
from exportapp.jobs.recall import Recalled
from exportapp.jobs.wakeups import wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import WORKING
from exportapp.tables.keys import Bound, dumps, loads
from exportapp.tables.readers import sample_weight

LEAST_ROWS: Final = 1000
"""A shard is worth a claim, two files and two commits: not for a handful of rows."""

MOST_RANGES: Final = 32
TURN_SECONDS: Final = 0.5
"""How many ranges are inserted at once, and how long the first of them may wait for it."""

PIECES: Final = 3
"""How many of the pieces in which ranges are found make a shard, as a rule."""

FIRST_PIECES: Final = 2
LAST_PIECES: Final = 4
"""Pieces at the beginning and at least so many at the end that are shards by themselves."""

Piece: TypeAlias = tuple[Bound | None, Bound, int]
"""The key before, the last key, and how many rows."""

Range: TypeAlias = tuple[int, Bound | None, Bound, int]
"""A sheet, and a piece of it or several."""


def plan(job: ExportJob, lease: Lease, recalled: Sequence[Recalled], beat: Heartbeat) -> None:
    """Insert the shards of `job`, sheet by sheet, and mark it as planned.

    The lease ends with that, unless a snapshot is held with it. Raises LeaseLost,
    WorkInterrupted.
    """
    last = ExportShard.objects.filter(job=job).order_by("number").last()
    number = last.number if last else 0
    begin = (last.sheet, loads(last.upto)) if last else (0, None)
    # Ranges that were found in a snapshot are worth nothing without it.
    progress = {} if job.is_of_one_moment else PROGRESS
    for found in _batches(_ranges(recalled, beat, *begin)):
        shards = [
            ExportShard(
                job=job,
                number=number + place,
                sheet=sheet,
                after=dumps(after) if after else "",
                upto=dumps(upto),
                rows_planned=rows,
                fence=job.first_fence,
            )
            for place, (sheet, after, upto, rows) in enumerate(found, 1)
        ]
        with transaction.atomic():
            lease.renew(**progress)
            ExportShard.objects.bulk_create(shards)
            if number < 2 <= number + len(shards):
                # The planner is one worker; only now is there work for the others.
                wake(job, job.parallelism - 1)
        number += len(shards)
    # Who reads meanwhile may have failed the export: what it says then stays.
    if progress:
        ExportJob.objects.filter(pk=job.pk, status__in=WORKING).update(**NO_ERROR)
    lease.update(planned_at=Now(), **(UNHELD | PROGRESS if progress else {}))
    job.refresh_from_db()
    counts = ExportShard.objects.filter(job=job).counts()
    Anchors(job.pk).show(
        total_chunks=counts["total_chunks"], rows_total=counts["rows_planned"], status=job.status
    )
    record(job, Happened.PLANNED, f"{number} shards", shards=number, rows=counts["rows_planned"])


def _batches(ranges: Iterator[Range]) -> Iterator[list[Range]]:
    """The ranges in turns: the first two soon, since workers wait for them, then more at a time."""
    found: list[Range] = []
    turn = then = 1
    since = time.monotonic()
    for each in ranges:
        found.append(each)
        if len(found) >= turn or time.monotonic() - since >= TURN_SECONDS:
            yield found
            found, since = [], time.monotonic()
            turn, then = then, min(2 * then, MOST_RANGES)
    if found:
        yield found


def _ranges(
    recalled: Sequence[Recalled], beat: Heartbeat, sheet: int, after: Bound | None
) -> Iterator[Range]:
    """Of each range, from behind `after` of `sheet` on: its sheet, key before, last key, rows."""
    for place in range(sheet, len(recalled)):
        size = conf.SHARD_ROWS or _rows_per_piece(recalled[place])
        found = _pieces(recalled[place], after, size, beat)
        for piece in found if conf.SHARD_ROWS else _joined(found, first=after is None):
            yield place, *piece
        after = None


def _pieces(recalled: Recalled, after: Bound | None, size: int, beat: Heartbeat) -> Iterator[Piece]:
    while found := _hop(recalled, after, size):
        # Several may be found before one of them is a range.
        beat()
        upto, rows = found
        yield after, upto, rows
        after = upto


def _joined(pieces: Iterator[Piece], *, first: bool) -> Iterator[Piece]:
    """Several pieces to a shard, but for the `first` ones and the last.

    A large shard costs little besides its rows. Small ones are there sooner for those who wait at
    the beginning, and keep nobody waiting for another worker's last one.
    """
    yield from islice(pieces, FIRST_PIECES if first else 0)
    waiting: list[Piece] = []
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == PIECES + LAST_PIECES:
            together = waiting[:PIECES]
            yield together[0][0], together[-1][1], sum(rows for *_, rows in together)
            del waiting[:PIECES]
    yield from waiting


def _hop(recalled: Recalled, after: Bound | None, rows: int) -> tuple[Bound, int] | None:
    with recalled.viewer.active():
        return recalled.keyset.hop(after, rows)


def _rows_per_piece(recalled: Recalled) -> int:
    size = conf.SHARD_BYTES / PIECES
    weight = sample_weight(recalled.keyset.ordered(), recalled.columns, recalled.viewer)
    rows = max(LEAST_ROWS, round(size / (weight or size)))
    if rows <= conf.BATCH_ROWS:
        return rows
    # A few rows more than whole batches would cost nearly another batch.
    return round(rows / conf.BATCH_ROWS) * conf.BATCH_ROWS
