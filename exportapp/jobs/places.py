"""How many live connections there may be: of one process, and of one person over all of them."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from typing import Any, Final, Self

from django.utils.translation import ngettext
from django_redis import get_redis_connection

from exportapp.conf import conf
from exportapp.exceptions import TooManyStreams
from exportapp.jobs.away import AWAY, OF_ANCHORS

WITHOUT_THREADS: Final = 100
WITH_THREADS: Final = 4
"""Connections of a process where SSE_PER_PROCESS says nothing: under WSGI each takes one of its
threads, and whoever else asks needs some."""

LATE_SECONDS: Final = 30
"""How long behind its time a connection counts that nobody has ended."""

_here: Final[dict[str, float]] = {}
_lock: Final = threading.Lock()


class Place:
    """One connection of a person, left at the end of a `with`; `leave` may be called again."""

    def __init__(self, user: Any) -> None:
        self.name = uuid.uuid4().hex
        self._persons = f"export:places:{user.pk}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        with _lock:
            known = _here.pop(self.name, None)
        if known is not None and not OF_ANCHORS:
            with suppress(*AWAY):
                get_redis_connection(conf.CACHE).zrem(self._persons, self.name)

    def take(self, *, has_thread: bool) -> None:
        """Raises TooManyStreams. While Redis is away a person's are not counted."""
        now = time.time()
        until = now + conf.SSE_SECONDS + LATE_SECONDS
        self._take_here(now, until, WITH_THREADS if has_thread else WITHOUT_THREADS)
        most = conf.SSE_PER_PERSON
        if most is not None and self._counted(now, until) > most:
            self.leave()
            said = ngettext(
                "You have {most} live connection, which is the most that one person may have. "
                "Close it, or poll.",
                "You have {most} live connections, which is the most that one person may have. "
                "Close one, or poll.",
                most,
            )
            raise TooManyStreams(said.format(most=most))

    def _take_here(self, now: float, until: float, usual: int) -> None:
        most = conf.SSE_PER_PROCESS or usual
        with _lock:
            for name in [name for name, end in _here.items() if end < now]:
                del _here[name]
            if len(_here) < most:
                _here[self.name] = until
                return
        said = ngettext(
            "This server has {most} live connection, which is the most it may have. Poll.",
            "This server has {most} live connections, which is the most it may have. Poll.",
            most,
        )
        raise TooManyStreams(said.format(most=most))

    def _counted(self, now: float, until: float) -> int:
        """How many this person has now, with this one."""
        if OF_ANCHORS:
            return 0
        try:
            pipeline = get_redis_connection(conf.CACHE).pipeline()
            pipeline.zremrangebyscore(self._persons, 0, now)
            pipeline.zadd(self._persons, {self.name: until})
            pipeline.zcard(self._persons)
            pipeline.expire(self._persons, int(until - now))
            return int(pipeline.execute()[2])
        except AWAY:
            OF_ANCHORS.begin()
            return 0


def take_place(user: Any, *, has_thread: bool) -> Place:
    """Raises TooManyStreams."""
    place = Place(user)
    place.take(has_thread=has_thread)
    return place
