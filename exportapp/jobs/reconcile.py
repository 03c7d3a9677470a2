"""Recovery without a person. Every step is a guarded UPDATE, so any number may run at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from redis.exceptions import RedisError

from exportapp.conf import conf
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import UNHELD, free_lost_job, free_lost_shards, is_held
from exportapp.jobs.phases import clean
from exportapp.jobs.transitions import fail, settle
from exportapp.jobs.wakeups import is_waiting, wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import STOPPING, WORKING, JobState, ShardState

WAKE_AGAIN_SECONDS = 20


def reconcile() -> int:
    """Look after every active export; returns for how many something was done."""
    finished = ExportJob.objects.filter(status=JobState.SUCCEEDED, cleaned_at=None)
    for job in finished:
        clean(job)
    active = ExportJob.objects.active().order_by("created_at")
    return len(finished) + sum(reconcile_job(job) for job in active)


def reconcile_job(job: ExportJob, *, queue: bool = True) -> bool:
    """Free lost leases, end a stop that nobody is left to end, wake workers for free pieces."""
    done = recover(job)
    if job.state in STOPPING:
        return settle(job) or done
    if queue and job.state in WORKING and _is_idle(job):
        wake(job)
        record(job, Happened.WOKEN, "work to do and nobody at it")
        return True
    return done


def recover(job: ExportJob) -> bool:
    """Take pieces back from workers that are gone; a shard that kills its workers fails the job."""
    freed = free_lost_shards(job)
    for shard in freed:
        record(job, Happened.RECOVERED, f"lost by {shard.worker}", shard=shard)
    freed_job = free_lost_job(job)
    if freed_job:
        record(job, Happened.RECOVERED, f"lost by {job.worker}")
        _poison_job(job)
    for shard in ExportShard.objects.filter(job=job, lost_leases__gte=conf.MAX_LOST_LEASES):
        _poison(job, shard)
    job.refresh_from_db()
    return bool(freed) or freed_job


def _poison(job: ExportJob, shard: ExportShard) -> None:
    error = (
        f"{shard.lost_leases} workers died on it without progress "
        f"(rows after {shard.after}, up to {shard.upto}). {shard.error}".strip()
    )
    rows = shard.mine(shard.fence).filter(lease_until=None)
    if rows.move_to(ShardState.FAILED, error_code="poison", error=error, **UNHELD):
        fail(job, "poison", error, shard=shard.number)


def _poison_job(job: ExportJob) -> None:
    job.refresh_from_db()
    if job.lost_leases >= conf.MAX_LOST_LEASES:
        fail(job, "poison", f"{job.lost_leases} workers died planning or joining it.")


def _is_idle(job: ExportJob) -> bool:
    if is_held(job):
        return False
    since = Now() - timedelta(seconds=WAKE_AGAIN_SECONDS)
    if job.events.filter(at__gt=since).exists() or not _is_due(job, since):
        return False
    try:
        return not is_waiting(job)
    except RedisError:
        return False


def _is_due(job: ExportJob, since: Any) -> bool:
    due = Q(woken_at=None) | Q(woken_at__lte=since)
    return ExportJob.objects.filter(due, pk=job.pk).exists()
