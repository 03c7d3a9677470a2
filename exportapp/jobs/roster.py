"""Who listens to the queue and what waits in it, as the operations page shows them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from redis.exceptions import RedisError
from rq.utils import utcparse
from rq.worker_registration import get_keys

from exportapp.jobs.away import OF_QUEUE
from exportapp.jobs.journal import Line
from exportapp.jobs.traffic import open_queue

log = logging.getLogger("exportapp")

MOST_WORKERS: Final = 100
"""How many workers are asked what they do; all are counted."""

FIELDS: Final = ("hostname", "pid", "state", "current_job", "last_heartbeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A worker of RQ's."""

    name: str
    host: str
    pid: str
    state: str
    """RQ's own word: "idle", "busy", "suspended"."""
    export: str
    """The id of the export it works on; empty for none."""
    heard_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    listeners: Sequence[Listener]
    count: int
    """Of all workers of the queue, also beyond MOST_WORKERS."""
    waiting: int
    """Wake-ups in the queue."""
    oldest: datetime | None
    """Since when the first of them waits."""


def roster() -> Roster | None:
    """In three round trips; None while the Redis of the queue is away."""
    if OF_QUEUE:
        return None
    try:
        return _roster()
    except RedisError as error:
        OF_QUEUE.begin()
        log.warning(Line(event="unseen", message=str(error)))
        return None


def _roster() -> Roster:
    queue = open_queue()
    keys = get_keys(queue)
    with queue.connection.pipeline(transaction=False) as pipeline:
        pipeline.llen(queue.key)
        # Whoever comes goes to the end, or before the others: the first is the longest there.
        pipeline.lindex(queue.key, 0)
        for key in islice(sorted(keys), MOST_WORKERS):
            pipeline.hmget(key, *FIELDS)
        waiting, first, *found = pipeline.execute()
    alive = [
        _listener(key, values)
        for key, values in zip(sorted(keys), found, strict=False)
        # Of one that was killed the name is left for a while.
        if any(values)
    ]
    gone = len(found) - len(alive)
    return Roster(
        listeners=alive, count=len(keys) - gone, waiting=waiting, oldest=_since(queue, first)
    )


def _listener(key: str, values: Sequence[bytes | None]) -> Listener:
    host, pid, state, current, heard = (value.decode() if value else "" for value in values)
    return Listener(
        name=key.rpartition(":")[2],
        host=host,
        pid=pid,
        state=state,
        # "export-<the job's id, five parts>-<its own>"
        export="-".join(current.split("-")[1:6]) if current.startswith("export-") else "",
        heard_at=utcparse(heard) if heard else None,
    )


def _since(queue: Any, first: bytes | None) -> datetime | None:
    if first is None:
        return None
    at = queue.connection.hget(f"rq:job:{first.decode()}", "enqueued_at")
    return utcparse(at.decode()) if at else None
