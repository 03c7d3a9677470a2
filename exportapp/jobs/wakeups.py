"""How workers are told that there is work. A wake-up that is lost, late or doubled does no harm."""

from __future__ import annotations

import functools
import logging
import uuid

import django_rq
import rq
from django.db import transaction
from django.db.models.functions import Now
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from exportapp.conf import conf
from exportapp.models import ExportJob

log = logging.getLogger("exportapp")

WORK = "exportapp.jobs.tasks.work"


def wake(job: ExportJob, count: int = 1) -> None:
    """Put `count` wake-ups for `job` in the queue once the transaction is committed."""
    if count > 0:
        transaction.on_commit(functools.partial(_enqueue, job, count))


def is_waiting(job: ExportJob) -> bool:
    """Whether a wake-up for `job` lies in the queue."""
    prefix = _prefix(job)
    return any(job_id.startswith(prefix) for job_id in _queue().get_job_ids())


def _enqueue(job: ExportJob, count: int) -> None:
    ExportJob.objects.filter(pk=job.pk).update(woken_at=Now())
    try:
        queue = _queue()
        for _ in range(count):
            queue.enqueue(
                WORK,
                str(job.pk),
                job_id=f"{_prefix(job)}{uuid.uuid4().hex[:12]}",
                job_timeout=conf.JOB_TIMEOUT,
                result_ttl=600,
                failure_ttl=7 * 24 * 3600,
            )
    except RedisError as error:
        # The job is in the database; the reconciler wakes it when Redis is back.
        log.warning("export %s: wake-up not delivered: %s", job.pk, error)


def _queue() -> rq.Queue:
    queue = django_rq.get_queue(conf.QUEUE, commit_mode="auto")
    # A worker waits minutes for Redis to come back; its export must not: wake-ups may be lost.
    queue.connection.set_retry(Retry(NoBackoff(), 1))
    return queue


def _prefix(job: ExportJob) -> str:
    return f"export-{job.pk}-"
