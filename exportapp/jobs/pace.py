"""How fast an export went, from moment to moment and all in all, from what its events say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from exportapp.jobs.journal import Happened
from exportapp.models import ExportJob
from exportapp.states import WORKING, JobState

EVENTS: Final = 600
"""How many finished pieces are looked at: the newest."""

POINTS: Final = 60

AT_WORK: Final = WORKING - {JobState.QUEUED}


def pace(job: ExportJob) -> list[float]:
    """Rows a second in at most POINTS equal parts of the time; empty before there are two pieces.

    The time begins with the export, or with the oldest piece that is looked at. A row counts half
    when it is read and half when it is written, as in `Status.rate`.
    """
    kinds = (Happened.EXTRACTED, Happened.RENDERED)
    events = job.events.filter(kind__in=kinds).order_by("-pk").values_list("at", "data")[:EVENTS]
    done = [(at, int(data.get("rows", 0))) for at, data in events][::-1]
    if job.started_at and len(done) < EVENTS:
        done.insert(0, (min([job.started_at, *(at for at, _ in done)]), 0))
    return _parted(done) if len(done) > 1 else []


def seconds_of_work(job: ExportJob) -> float:
    """How long workers were at it: without the queue, pauses, and what it waited for on purpose."""
    kinds = (Happened.MOVED, Happened.WAITING, Happened.WENT_ON)
    events = job.events.filter(kind__in=kinds).order_by("pk").values_list("at", "kind", "data")
    worked, since, works = timedelta(0), None, False
    for at, kind, data in events:
        if since is not None:
            worked += at - since
        if kind == Happened.MOVED:
            works = data.get("after") in AT_WORK
        since = at if works and kind != Happened.WAITING else None
    return worked.total_seconds()


def _parted(done: Sequence[tuple[datetime, int]]) -> list[float]:
    first, last = done[0][0], done[-1][0]
    seconds = (last - first).total_seconds()
    if seconds <= 0:
        return []
    # Narrower parts than pieces would show pieces, and not how fast it goes.
    count = max(2, min(POINTS, len(done) // 2, int(seconds)))
    rows = [0.0] * count
    # What was finished with the first piece was done before the time that is looked at.
    for at, finished in done[1:]:
        place = ceil((at - first).total_seconds() / seconds * count) - 1
        rows[min(max(place, 0), count - 1)] += finished / 2
    return [part / (seconds / count) for part in rows]
