"""Recovery without a person. Every step is a guarded UPDATE, so any number may run at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from redis.exceptions import RedisError

from exportapp.conf import conf
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import UNHELD, free_lost_job, free_lost_shards, is_held
from exportapp.jobs.phases import clean
from exportapp.jobs.transitions import fail, settle
from exportapp.jobs.wakeups import is_waiting, wake_again
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import STOPPING, WANTED, WORKING, JobState, ShardState

WAKE_AGAIN_SECONDS = 20
"""How long an export may be silent with nobody at it before its wake-up counts as lost."""


def reconcile(renew: Callable[[], None] = lambda: None) -> int:
    """Look after every active export; returns for how many something was done.

    `renew` is called before each, as a sign of life.
    """
    done = 0
    for job in ExportJob.objects.active().order_by("created_at"):
        renew()
        done += reconcile_job(job)
    # Last: people wait for the others.
    for job in ExportJob.objects.filter(status=JobState.SUCCEEDED, cleaned_at=None):
        renew()
        done += clean(job)
    return done


def reconcile_job(job: ExportJob) -> bool:
    """Free lost leases, end a stop that nobody is left to end, wake workers for free pieces."""
    freed = recover(job)
    if job.state in STOPPING:
        return settle(job) or freed > 0
    return _wake(job, freed) or freed > 0


def recover(job: ExportJob) -> int:
    """Take pieces back from workers that are gone; a shard that kills its workers fails the job.

    Returns how many were taken back.
    """
    # A piece is freed together with the word about it, or not at all.
    with transaction.atomic():
        freed = free_lost_shards(job)
        for shard in freed:
            record(job, Happened.RECOVERED, f"lost by {shard.worker}", shard=shard)
        freed_job = free_lost_job(job)
        if freed_job:
            record(job, Happened.RECOVERED, f"lost by {job.worker}")
    if freed_job:
        _poison_job(job)
    for shard in ExportShard.objects.filter(job=job, lost_leases__gte=conf.MAX_LOST_LEASES):
        _poison(job, shard)
    job.refresh_from_db()
    return len(freed) + freed_job


def _poison(job: ExportJob, shard: ExportShard) -> None:
    with translation.override(job.language):
        said = _(
            "{count} workers died on it without progress (rows after {after}, up to {upto})."
        ).format(count=shard.lost_leases, after=shard.after, upto=shard.upto)
    error = f"{said} {shard.error}".strip()
    rows = shard.mine(shard.fence).filter(lease_until=None)
    with transaction.atomic():
        if rows.move_to(ShardState.FAILED, error_code="poison", error=error, **UNHELD):
            fail(job, "poison", error, shard=shard.number)


def _poison_job(job: ExportJob) -> None:
    job.refresh_from_db()
    if job.lost_leases >= conf.MAX_LOST_LEASES:
        with translation.override(job.language):
            said = _("{count} workers died planning or joining it.").format(count=job.lost_leases)
        fail(job, "poison", said)


def _wake(job: ExportJob, freed: int) -> bool:
    """Wake workers where there is work that nobody will come to; of many callers one does it."""
    if job.state not in WORKING or _waits(job):
        return False
    if freed:
        why = gettext_noop("a piece was lost and is free again")
    elif _is_over(job):
        why = gettext_noop("its wait is over")
    elif _is_forgotten(job):
        why = gettext_noop("work to do and nobody at it")
    else:
        return False
    with transaction.atomic():
        woken = wake_again(job, max(freed, 1))
        if woken:
            record(job, Happened.WOKEN, why)
    return woken


def _waits(job: ExportJob) -> bool:
    """Whether everything there is to do is to be done later, and not before."""
    if ExportJob.objects.filter(pk=job.pk, not_before__gt=Now()).exists():
        return True
    if job.state == JobState.EXTRACTING and not job.planned_at:
        return False
    to_do = _to_do(job)
    return to_do.exists() and not to_do.free().exists()


def _is_over(job: ExportJob) -> bool:
    """Whether a wait ended since the last wake-up, and those who knew of it may be gone."""
    over = Q(lease_until=None, not_before__lte=Now())
    if job.woken_at:
        over &= Q(not_before__gt=job.woken_at)
    ended = ExportJob.objects.filter(over, pk=job.pk).exists() or _to_do(job).filter(over).exists()
    return ended and not is_held(job)


def _to_do(job: ExportJob) -> Any:
    return ExportShard.objects.filter(job=job, status__in=filter(None, [WANTED.get(job.state)]))


def _is_forgotten(job: ExportJob) -> bool:
    since = Now() - timedelta(seconds=WAKE_AGAIN_SECONDS)
    lately = Q(at__gt=since) & ~Q(kind=Happened.ALARM)
    if is_held(job) or ExportEvent.objects.filter(lately, job=job).exists():
        return False
    if ExportJob.objects.filter(pk=job.pk, woken_at__gt=since).exists():
        return False
    try:
        return not is_waiting(job)
    except RedisError:
        return False
