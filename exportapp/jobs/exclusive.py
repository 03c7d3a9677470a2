"""One at a time over all hosts, where that is worth having and two at once do no harm.

A lock in Redis with a token and a time to live: whoever dies with it loses it by itself, and a
late release cannot take another's. It saves queries; it keeps nothing right, because each step of
what runs under it is a guarded UPDATE. So where Redis is away, or forgot in a failover, several
run side by side and each thing is still done once.

A lock of PostgreSQL's was the other choice. One that lasts as long as a session is lost behind a
pooler that has none, one that lasts as long as a transaction would hide all that is done under it
until its end, and SQLite has neither.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from django_redis import get_redis_connection

from exportapp.conf import conf
from exportapp.jobs.away import AWAY
from exportapp.jobs.journal import Line

log = logging.getLogger("exportapp")


@contextlib.contextmanager
def alone(name: str, seconds: float) -> Iterator[Callable[[], None] | None]:
    """Hold the lock `name` for the block; None in place of its renewal when another has it.

    The lock is another's `seconds` after the last renewal.
    """
    try:
        lock = get_redis_connection(conf.CACHE).lock(
            f"export:{name}", timeout=seconds, blocking=False, thread_local=False
        )
        mine = lock.acquire()
    except AWAY as error:
        log.warning(Line(event="unlocked", name=name, message=str(error)))
        yield lambda: None
        return
    if not mine:
        yield None
        return
    try:
        yield lambda: _quietly(lock.reacquire)
    finally:
        _quietly(lock.release)


def first_in(seconds: int, name: str) -> bool:
    """Whether nobody did `name` within this time; False as well when Redis is away."""
    with contextlib.suppress(*AWAY):
        redis = get_redis_connection(conf.CACHE)
        return bool(redis.set(f"export:{name}:done", 1, nx=True, ex=seconds))
    return False


def _quietly(call: Callable[[], Any]) -> None:
    """A lock that is lost meanwhile is another's, and that does no harm."""
    with contextlib.suppress(*AWAY):
        call()
