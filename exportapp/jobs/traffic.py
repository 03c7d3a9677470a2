"""How busy the workers of the queue are, in one round trip."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from typing import Any, Final

import django_rq
import rq
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from exportapp.conf import conf
from exportapp.jobs.away import OF_QUEUE
from exportapp.jobs.journal import Line
from exportapp.models import ExportJob

log = logging.getLogger("exportapp")

LOOKED_AT: Final = 100
"""Wake-ups at the head of the queue; whoever is behind these waits for them anyway."""

ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Traffic:
    own: int
    """Wake-ups of this export that wait."""
    at_it: int
    """Workers that work on this export, or begin to."""
    others: int
    """Everything else that waits."""
    idle: int
    """Workers that have nothing to do, and to whom nothing that waits will go."""
    leaving: bool
    """Whether RQ's worker was asked to end when this piece is done."""


def traffic(job: ExportJob) -> Traffic | None:
    """Who waits and who is idle, as seen by a worker of `job`; None while Redis is away."""
    if OF_QUEUE:
        return None
    try:
        return _traffic(job)
    except RedisError as error:
        OF_QUEUE.begin()
        log.warning(Line(event="unseen", job=str(job.pk), message=str(error)))
        return None


def _traffic(job: ExportJob) -> Traffic:
    queue = open_queue()
    worker = f"rq:worker:{os.environ.get('RQ_WORKER_ID', '')}"
    with queue.connection.pipeline(transaction=False) as pipeline:
        pipeline.lrange(queue.key, 0, LOOKED_AT - 1)
        pipeline.llen(queue.key)
        pipeline.scard(WORKERS_BY_QUEUE_KEY % queue.name)
        pipeline.zrange(queue.started_job_registry.key, 0, -1)
        # A plain worker of RQ's tells its work-horse nothing else.
        pipeline.hexists(worker, "shutdown_requested_date")
        seen, waiting, workers, running, leaving = pipeline.execute()
    own, at_it = (_own(job, names) for names in (seen, running))
    idle = max(0, workers - len(running) - waiting)
    others = len(seen) - own
    return Traffic(own=own, at_it=at_it, others=others, idle=idle, leaving=bool(leaving))


def _own(job: ExportJob, names: list[bytes]) -> int:
    return sum(name.decode().startswith(prefix(job)) for name in names)


def open_queue() -> rq.Queue:
    """The queue of the wake-ups, for somebody who cannot wait for Redis.

    A worker waits minutes for Redis to come back; its export must not: wake-ups may be lost.
    """
    return _opened(conf.QUEUE, repr(settings.RQ_QUEUES.get(conf.QUEUE)))


@functools.lru_cache(maxsize=4)
def _opened(name: str, where: str) -> rq.Queue:
    # A worker looks between any two pieces; django-rq would connect anew for each look. What a
    # process inherits it connects again by itself.
    queue = django_rq.get_queue(name, commit_mode="auto")
    queue.connection.set_retry(Retry(NoBackoff(), 1))
    options: dict[str, Any] = queue.connection.connection_pool.connection_kwargs
    options.setdefault("socket_timeout", ANSWER_SECONDS)
    return queue


def prefix(job: ExportJob) -> str:
    """How the names of this export's wake-ups begin."""
    return f"export-{job.pk}-"
