"""How workers are told that there is work. A wake-up that is lost, late or doubled does no harm."""

from __future__ import annotations

import functools
import logging
import uuid
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from redis.exceptions import RedisError

from exportapp.conf import conf
from exportapp.jobs.exclusive import first_in
from exportapp.jobs.journal import Line
from exportapp.jobs.traffic import open_queue, prefix, traffic
from exportapp.models import ExportJob, ExportShard
from exportapp.states import WANTED, WORKING

log = logging.getLogger("exportapp")

WORK: Final = "exportapp.jobs.tasks.work"
RECONCILE: Final = "exportapp.jobs.tasks.reconcile"
TELL: Final = "exportapp.jobs.tasks.tell"

TELL_TIMEOUT: Final = 300
"""RQ's limit for one turn of sending notices, in seconds; a turn itself makes way long before."""

HELP_SECONDS: Final = 2
"""The least time between two calls for help: whoever was called last may not have come yet."""

UPKEEP_SECONDS: Final = 15
"""The least time between two turns of the reconciler that pages call for."""


def wake(job: ExportJob, count: int = 1) -> None:
    """Put up to `count` wake-ups for `job` in the queue once the transaction is committed.

    As many as there are idle workers, and one where nobody is: who comes to be idle is called
    later.
    """
    if count > 0:
        transaction.on_commit(functools.partial(_enqueue, job, count))


def wake_helpers(job: ExportJob, count: int) -> None:
    """The same from a worker that goes on with `job`: nobody where enough are at it already."""
    if count > 0:
        transaction.on_commit(functools.partial(_enqueue, job, count, least=0))


def wake_again(job: ExportJob, count: int = 1) -> bool:
    """Wake workers; of all who found the same need at the same time, one does it."""
    seen = Q(woken_at=None) if job.woken_at is None else Q(woken_at__lte=job.woken_at)
    with transaction.atomic():
        first = ExportJob.objects.filter(seen, pk=job.pk).update(woken_at=Now())
        if first:
            wake(job, count)
    return bool(first)


def make_way(job: ExportJob) -> bool:
    """Between two pieces: whether this worker is to go, after leaving a wake-up in its place.

    It goes when somebody else waits in the queue, so that a small export is not late for a large
    one; its own comes behind them. If nobody waits and workers are idle, they are called to help.
    """
    seen = traffic(job) if job.state in WORKING else None
    if seen is None:
        return False
    if seen.others or seen.leaving:
        wake(job)
        return True
    if seen.idle and not seen.own and seen.at_it < job.parallelism and _could_use_help(job):
        wake_again(job)
    return False


def is_waiting(job: ExportJob) -> bool:
    """Whether a wake-up for `job` lies in the queue."""
    return any(name.startswith(prefix(job)) for name in open_queue().get_job_ids())


def wake_reconciler() -> None:
    """Have a worker look after all exports soon, unless that was asked for just now."""
    if first_in(UPKEEP_SECONDS, "call"):
        _put(RECONCILE, job_timeout=60, result_ttl=60, ttl=60)


def wake_teller() -> None:
    """Have a worker send the notices that are due, once the transaction is committed."""
    options = {"job_timeout": TELL_TIMEOUT, "result_ttl": 60, "ttl": 600}
    transaction.on_commit(functools.partial(_put, TELL, **options))


def _could_use_help(job: ExportJob) -> bool:
    # Who goes from shard to shard does not read it, and others call as well.
    job.refresh_from_db(fields=["waiting_for", "woken_at"])
    since = Now() - timedelta(seconds=HELP_SECONDS)
    called = ExportJob.objects.filter(pk=job.pk, woken_at__gt=since)
    if job.waiting_for or called.exists():
        return False
    free = ExportShard.objects.filter(job=job, status=WANTED.get(job.state)).free()
    # The caller takes the next one itself.
    return bool(free[:2].count() == 2)


def _enqueue(job: ExportJob, count: int, *, least: int = 1) -> None:
    ExportJob.objects.filter(pk=job.pk).update(woken_at=Now())
    for _ in range(_wanted(job, count, least)):
        name = f"{prefix(job)}{uuid.uuid4().hex[:12]}"
        options = {"job_timeout": conf.JOB_TIMEOUT, "result_ttl": 600}
        if not _put(WORK, str(job.pk), job_id=name, failure_ttl=7 * 24 * 3600, **options):
            return


def _wanted(job: ExportJob, count: int, least: int = 1) -> int:
    if count == least:
        return count
    if ExportJob.objects.filter(pk=job.pk).exclude(waiting_for="").exists():
        # What it waits for would not be back any sooner.
        return least
    seen = traffic(job)
    if seen is None:
        return count
    return max(least, min(count, seen.idle, job.parallelism - seen.at_it - seen.own))


def _put(task: str, *args: Any, **options: Any) -> bool:
    try:
        open_queue().enqueue(task, *args, **options)
    except RedisError as error:
        # The job is in the database; the reconciler wakes it when Redis is back.
        log.warning(Line(event="undelivered", task=task, args=args, message=str(error)))
        return False
    return True
