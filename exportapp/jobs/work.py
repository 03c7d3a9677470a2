"""Claim a piece, do it, commit it; again until there is nothing to claim or the slice is over.

Any number of these run at once, in any process. What each does next follows from what the
database says now, so a wake-up that comes twice or late does no harm.
"""

from __future__ import annotations

import enum
import functools
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.jobs import phases
from exportapp.jobs.attempts import Tried, attempt
from exportapp.jobs.extract import extract, let_go
from exportapp.jobs.heartbeat import Heartbeat, stop_requested
from exportapp.jobs.holding import hold
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import Lease, claim_job, claim_shard, worker_name
from exportapp.jobs.memory import keep_memory
from exportapp.jobs.merge import merge
from exportapp.jobs.objects.removal import give_up
from exportapp.jobs.objects.upload import upload
from exportapp.jobs.patience import wait_for_others, wait_for_retry
from exportapp.jobs.plan import plan
from exportapp.jobs.progress import Anchors
from exportapp.jobs.pulse import kept_alive
from exportapp.jobs.recall import recall, recalling, require_right
from exportapp.jobs.render import render
from exportapp.jobs.startover import wants_holder
from exportapp.jobs.transitions import settle, try_move
from exportapp.jobs.waiting import held_up
from exportapp.jobs.wakeups import make_way, wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import STOPPING, WANTED, WORKING, JobState, ShardState

Piece = Callable[[], Tried]


class Did(enum.IntEnum):
    """What a step came to."""

    NOTHING = 0
    MOVED = 1
    """The export is in its next state: no work, so nobody has to be let in between."""
    WORKED = 2
    GOES_ON = 3
    """It worked, and the next shard may be taken for what is known of the export."""


Also = Callable[[], None]


def work(job_id: Any, seconds: float | None = None, *, in_queue: bool = False) -> None:
    """Work on the export until there is nothing to claim, it stops, or the slice is over.

    The slice is `seconds`, or SLICE_SECONDS; at its end another wake-up is put in the queue, so
    that exports take turns. So does a worker that is asked to go: the rest is for the next. One
    that serves the queue (`in_queue`) goes after a piece when somebody else waits there.
    """
    job = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        return
    keep_memory()
    ends = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    try:
        over = _until(ends, job, in_queue=in_queue)
    finally:
        let_go()
    if not over and seconds is None:
        wake(job)


def _until(ends: float, job: ExportJob, *, in_queue: bool) -> bool:
    """Step after step; False when the worker was asked to go before there was a reason to."""
    did = Did.NOTHING
    while not stop_requested.is_set():
        if time.monotonic() >= ends:
            wake(job)
            return True
        did = _straight_on(job) if did is Did.GOES_ON else _step(job)
        if did >= Did.WORKED and in_queue and make_way(job):
            return True
        if not did and not wait_for_retry(job) and not wait_for_others(job):
            return True
    return False


def step(job: ExportJob) -> Did:
    """Do one piece of the export, or move it on; NOTHING when this worker can do neither now."""
    try:
        return _step(job)
    finally:
        let_go()


def _straight_on(job: ExportJob) -> Did:
    """A step after one that went well, without another look: the claim sees if the job moved."""
    lease = claim_shard(job, WANTED[job.state])
    return _did(job, _shard(job, lease)) if lease else _step(job)


def _did(job: ExportJob, tried: Tried) -> Did:
    # What is asked before each shard that is read needs a look at the job.
    asks = job.state == JobState.EXTRACTING and (job.is_of_one_moment or conf.THROTTLE)
    return Did.GOES_ON if tried.well and job.state in WANTED and not asks else Did.WORKED


def _step(job: ExportJob) -> Did:
    job.refresh_from_db()
    if job.state in STOPPING:
        settle(job)
        return Did.NOTHING
    if job.state not in WORKING:
        return Did.NOTHING
    if job.state == JobState.QUEUED:
        started = {} if job.started_at else {"started_at": Now()}
        try_move(job, JobState.EXTRACTING, gettext_noop("a worker took it up"), **started)
        return Did.MOVED
    if held_up(job):
        return Did.NOTHING
    before = job.moves
    piece = _claim(job)
    if piece is None:
        # Another worker may have moved it while this one found nothing.
        return Did.MOVED if phases.advance(job) or job.moves != before else Did.NOTHING
    return _did(job, piece())


def _claim(job: ExportJob) -> Piece | None:
    """The next piece that is free, as something to call."""
    if wants_holder(job):
        lease = _claim_whole(job)
        if lease:
            return functools.partial(_hold, job, lease)
        if not job.snapshot_id:
            return None
    elif job.state == JobState.EXTRACTING and job.planned_at is None:
        lease = _claim_whole(job)
        if lease:
            return functools.partial(_plan, job, lease)
    if job.state == JobState.MERGING:
        lease = _claim_whole(job)
        return functools.partial(_merge, job, lease) if lease else None
    if job.state == JobState.UPLOADING:
        lease = _claim_whole(job)
        return functools.partial(_upload, job, lease) if lease else None
    lease = claim_shard(job, WANTED[job.state])
    return functools.partial(_shard, job, lease) if lease else None


def _claim_whole(job: ExportJob) -> Lease | None:
    """The job itself, unless it was planned or merged since it was last looked at."""
    before = job.status, job.planned_at
    lease = claim_job(job)
    if lease and (job.status, job.planned_at) != before:
        lease.release()
        return None
    return lease


def _plan(job: ExportJob, lease: Lease) -> Tried:
    beat = Heartbeat(job, lease, Anchors(job.pk))
    with attempt(job, lease) as tried, kept_alive(lease, beat):
        plan(job, lease, recall(job), beat)
    return tried


def _hold(job: ExportJob, lease: Lease) -> Tried:
    with attempt(job, lease) as tried:
        hold(job, lease, functools.partial(_extract_one, job))
    return tried


def _extract_one(job: ExportJob, also: Also) -> bool:
    lease = claim_shard(job, ShardState.PENDING)
    if lease:
        _shard(job, lease, also)
    return lease is not None


def _shard(job: ExportJob, lease: Lease, also: Also | None = None) -> Tried:
    anchors = Anchors(job.pk)
    with attempt(job, lease) as tried:
        if lease.piece.state == ShardState.EXTRACTING:
            beat = Heartbeat(job, lease, anchors, "extracted", also)
            with recalling(job) as recalled, kept_alive(lease, beat):
                how = extract(job, lease, recalled, beat)
            _committed(job, lease, anchors, "extracted", Happened.EXTRACTED, **asdict(how))
        else:
            let_go()
            render(job, lease, Heartbeat(job, lease, anchors, "rendered"))
            _committed(job, lease, anchors, "rendered", Happened.RENDERED)
    return tried


def _merge(job: ExportJob, lease: Lease) -> Tried:
    with attempt(job, lease) as tried:
        require_right(job)
        merge(job, lease, Heartbeat(job, lease, Anchors(job.pk)))
        phases.finish(job)
    return tried


def _upload(job: ExportJob, lease: Lease) -> Tried:
    beat = Heartbeat(job, lease, Anchors(job.pk))
    # A large file is proved for longer than a lease, and nothing is said meanwhile.
    with attempt(job, lease) as tried, kept_alive(lease, beat):
        require_right(job)
        upload(job, lease, beat)
        phases.clean(job)
    give_up(job)
    return tried


def _committed(
    job: ExportJob, lease: Lease, anchors: Anchors, phase: str, kind: Happened, **data: Any
) -> None:
    shard = lease.piece
    assert isinstance(shard, ExportShard)
    rows = getattr(shard, f"rows_{phase}")
    anchors.beat(phase, rows, shard=shard, fence=lease.fence, done=True)
    record(job, kind, f"{rows} rows", shard=shard, worker=worker_name(), rows=rows, **data)
