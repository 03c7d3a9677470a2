"""Claim a piece, do it, commit it; again until there is nothing to claim or the slice is over.

Any number of these run at once, in any process. What each does next follows from what the
database says now, so a wake-up that comes twice or late does no harm.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone

from exportapp.conf import conf
from exportapp.jobs import phases
from exportapp.jobs.attempts import attempt
from exportapp.jobs.extract import extract
from exportapp.jobs.heartbeat import Heartbeat, stop_requested
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import Lease, claim_job, claim_shard, worker_name
from exportapp.jobs.merge import merge
from exportapp.jobs.plan import plan
from exportapp.jobs.progress import Anchors
from exportapp.jobs.recall import recall, require_right
from exportapp.jobs.render import render
from exportapp.jobs.transitions import settle, try_move
from exportapp.jobs.wakeups import wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import CLAIMED, STOPPING, WORKING, JobState, ShardState

PATIENCE_SECONDS = 10.0

Piece = Callable[[], None]


def work(job_id: Any, seconds: float | None = None) -> None:
    """Work on the export until there is nothing to claim, it stops, or the slice is over.

    The slice is `seconds`, or SLICE_SECONDS; at its end another wake-up is put in the queue, so
    that exports take turns. So does a worker that is asked to go: the rest is for the next.
    """
    job = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        return
    ends = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    while not stop_requested.is_set():
        if time.monotonic() >= ends:
            wake(job)
            return
        if not step(job) and not _wait_for_retry(job):
            return
    if seconds is None:
        wake(job)


def step(job: ExportJob) -> bool:
    """Do one piece of the export; False when there is nothing that this worker can do now."""
    job.refresh_from_db()
    if job.state in STOPPING:
        settle(job)
        return False
    if job.state not in WORKING:
        return False
    if job.state == JobState.QUEUED:
        started = {} if job.started_at else {"started_at": Now()}
        try_move(job, JobState.EXTRACTING, "a worker took it up", **started)
        return True
    piece = _claim(job)
    if piece is None:
        return phases.advance(job)
    piece()
    return True


def _wait_for_retry(job: ExportJob) -> bool:
    """Sit out the back-off of a piece of this job, if it is short; False when there is none.

    RQ has no timer without a scheduler; a longer wait is left to the reconciler.
    """
    if job.state not in WORKING:
        return False
    shards = ExportShard.objects.filter(job=job, lease_until=None, status__in=CLAIMED)
    times = [job.not_before] if job.lease_until is None else []
    times += [shards.aggregate(soonest=Min("not_before"))["soonest"]]
    waits = [(time - timezone.now()).total_seconds() for time in times if time is not None]
    if not waits or min(waits) > PATIENCE_SECONDS:
        return False
    stop_requested.wait(max(min(waits), 0.05))
    return True


def _claim(job: ExportJob) -> Piece | None:
    """The next piece that is free, as something to call."""
    if job.state == JobState.EXTRACTING and job.planned_at is None:
        lease = claim_job(job)
        if lease:
            return functools.partial(_plan, job, lease)
    if job.state == JobState.MERGING:
        lease = claim_job(job)
        return functools.partial(_merge, job, lease) if lease else None
    wanted = ShardState.PENDING if job.state == JobState.EXTRACTING else ShardState.EXTRACTED
    lease = claim_shard(job, wanted)
    return functools.partial(_shard, job, lease) if lease else None


def _plan(job: ExportJob, lease: Lease) -> None:
    anchors = Anchors(job.pk)
    anchors.rebuild()
    with attempt(job, lease):
        plan(job, lease, recall(job), Heartbeat(job, lease, anchors))


def _shard(job: ExportJob, lease: Lease) -> None:
    anchors = Anchors(job.pk)
    with attempt(job, lease):
        if lease.piece.state == ShardState.EXTRACTING:
            beat = Heartbeat(job, lease, anchors, "extracted")
            how = extract(job, lease, recall(job), beat)
            _committed(job, lease, anchors, "extracted", Happened.EXTRACTED, **asdict(how))
        else:
            render(job, lease, Heartbeat(job, lease, anchors, "rendered"))
            _committed(job, lease, anchors, "rendered", Happened.RENDERED)


def _merge(job: ExportJob, lease: Lease) -> None:
    with attempt(job, lease):
        require_right(job)
        merge(job, lease, Heartbeat(job, lease, Anchors(job.pk)))
        phases.finish(job)


def _committed(
    job: ExportJob, lease: Lease, anchors: Anchors, phase: str, kind: Happened, **data: Any
) -> None:
    shard = lease.piece
    assert isinstance(shard, ExportShard)
    rows = getattr(shard, f"rows_{phase}")
    anchors.beat(phase, rows, shard=shard, fence=lease.fence, done=True)
    record(job, kind, f"{rows} rows", shard=shard, worker=worker_name(), rows=rows, **data)
