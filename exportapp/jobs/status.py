"""What a person is told about an export: one value for every face."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BooleanField, ExpressionWrapper, Q

from exportapp.conf import conf
from exportapp.jobs.objects.places import results_alias
from exportapp.jobs.pace import seconds_of_work
from exportapp.jobs.progress import Anchors
from exportapp.models import ExportJob, ExportShard
from exportapp.states import ACTIVE, JobState

PHASES: Final = (
    JobState.EXTRACTING,
    JobState.RENDERING,
    JobState.MERGING,
    JobState.UPLOADING,
)
"""What an export goes through, in order; the last where files have their place elsewhere."""

NEEDED: Final = ("status", "waiting_for", "planned_at", "started_at", "finished_at")
"""What of a job is read here, besides whether it has a layout."""

SILENT_BEATS: Final = 10
"""So many heartbeats of BEAT_SECONDS are missed before it is worth saying: workers that live are
heard about once in each, but a long statement keeps them silent as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a job is. Rows and bytes are counts."""

    state: JobState
    phase: JobState
    """The one of PHASES that it is in, or was in when it was stopped."""
    waiting: bool
    """Whether it waits on purpose."""
    rows_total: int
    rows_extracted: int
    rows_rendered: int
    shards_done: int
    shards_total: int
    bytes: int
    rate: float
    """Rows a second: now, and of all its work once it has ended."""
    planned: bool
    live: bool
    """Whether the figures come from the anchors; if not, they are what the database committed."""
    seconds_since_update: float | None

    @property
    def rows_done(self) -> int:
        """Rows, half for reading and half for writing."""
        return (self.rows_extracted + self.rows_rendered) // 2

    @property
    def percent(self) -> int:
        """0 to 100; 100 only when the file is there."""
        if self.state == JobState.SUCCEEDED:
            return 100
        if not self.planned or not self.rows_total:
            return 0
        return min(99, self.rows_done * 100 // self.rows_total)

    @property
    def silent_for(self) -> int | None:
        """Seconds without a sign of life from those who should be at it; None while all is well."""
        silence = self.seconds_since_update
        if self.state not in PHASES or self.waiting or silence is None:
            return None
        return int(silence) if silence > SILENT_BEATS * conf.BEAT_SECONDS else None

    @property
    def seconds_left(self) -> int | None:
        if self.state not in ACTIVE or not self.planned or self.rate <= 0:
            return None
        return max(0, round((self.rows_total - self.rows_done) / self.rate))


def laid_out() -> Any:
    """Whether a job has a layout, for a query that leaves the layout itself where it is."""
    return ExpressionWrapper(Q(layout__isnull=False), BooleanField())


def phases_of(status: Status) -> tuple[JobState, ...]:
    """Those of PHASES that this export goes through."""
    is_carried = status.phase == PHASES[-1] or results_alias()
    return PHASES if is_carried else PHASES[:-1]


def status_of(job: ExportJob) -> Status:
    """Read the anchors in one call; without them, count in the database."""
    anchors = Anchors(job.pk)
    found = anchors.read() if job.is_active else None
    if found is not None and "rows_total" not in found and job.is_active:
        anchors.rebuild()
        found = anchors.read()
    live = bool(found) and "rows_total" in (found or {})
    counts = found if live and found else ExportShard.objects.filter(job=job).counts()
    updated = float(counts.get("last_updated") or 0)
    return Status(
        state=job.state,
        phase=_phase(job),
        waiting=bool(job.waiting_for),
        rows_total=int(counts["rows_total"]),
        rows_extracted=int(counts["rows_extracted"]),
        rows_rendered=int(counts["rows_rendered"]),
        shards_done=int(counts["current_chunk"]),
        shards_total=int(counts["total_chunks"]),
        bytes=int(counts["bytes"]),
        rate=float(counts.get("rate") or _average_rate(job, int(counts["rows_total"]))),
        planned=job.planned_at is not None,
        live=live,
        seconds_since_update=max(0.0, time.time() - updated) if updated else None,
    )


def _phase(job: ExportJob) -> JobState:
    if job.state in PHASES:
        return job.state
    if job.state in (JobState.SUCCEEDED, JobState.EXPIRED):
        return PHASES[-1] if results_alias() else JobState.MERGING
    known = vars(job).get("laid_out")
    has_layout = job.layout is not None if known is None else known
    return JobState.RENDERING if has_layout else JobState.EXTRACTING


def _average_rate(job: ExportJob, rows: int) -> float:
    if not (job.started_at and job.finished_at):
        return 0.0
    seconds = seconds_of_work(job) or (job.finished_at - job.started_at).total_seconds()
    return rows / max(seconds, 0.001)
