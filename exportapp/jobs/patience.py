"""When a worker that finds nothing to do stays: what it waits for comes before another worker."""

from __future__ import annotations

import time
from typing import Final

from django.db.models import Min
from django.db.models.functions import Now

from exportapp.jobs.heartbeat import stop_requested
from exportapp.models import ExportJob, ExportShard
from exportapp.states import CLAIMED, WORKING, JobState, ShardState

PATIENCE_SECONDS: Final = 10.0
"""The longest back-off that a worker sits out."""

LOOK_SECONDS: Final = 0.5
"""How soon a worker that sits out a back-off hears of what a person wants."""

HANDOVER_SECONDS: Final = 0.5
"""How long a worker waits for the last shards of others before it goes."""


def wait_for_retry(job: ExportJob) -> bool:
    """Sit out a back-off or a wait of this job, if it is short; False when there is none.

    RQ has no timer without a scheduler; a longer one is left to the reconciler. A person who
    pauses, cancels or resumes meanwhile is heard.
    """
    while job.state in WORKING:
        wait = _next_try(job)
        if wait is None or wait > PATIENCE_SECONDS:
            return False
        if stop_requested.wait(max(min(wait, LOOK_SECONDS), 0.05)) or wait <= LOOK_SECONDS:
            return True
        job.refresh_from_db()
    return False


def wait_for_others(job: ExportJob) -> bool:
    """Sit out the last shards that others read; False when rendering did not begin meanwhile.

    A worker that goes and is called again has a new process to make.
    """
    if job.state != JobState.EXTRACTING or not job.planned_at:
        return False
    if ExportShard.objects.filter(job=job, status=ShardState.PENDING).exists():
        return False
    ends = time.monotonic() + HANDOVER_SECONDS
    while time.monotonic() < ends and not stop_requested.wait(HANDOVER_SECONDS / 20):
        job.refresh_from_db(fields=["status"])
        if job.state != JobState.EXTRACTING:
            return True
    return False


def _next_try(job: ExportJob) -> float | None:
    """Seconds until something of this job may be tried again; None when nothing is put off."""
    times = [job.not_before] if job.lease_until is None else []
    if not job.waiting_for:
        shards = ExportShard.objects.filter(job=job, lease_until=None, status__in=CLAIMED)
        times += [shards.aggregate(soonest=Min("not_before"))["soonest"]]
    known = [time for time in times if time is not None]
    if not known:
        return None
    now = ExportJob.objects.filter(pk=job.pk).values_list(Now(), flat=True).get()
    return float((min(known) - now).total_seconds())
