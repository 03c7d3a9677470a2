"""Circuit breakers: a database or a storage that fails again and again is left alone for a while.

All workers share them through the Redis of the anchors; pybreaker keeps the state and the count of
failures in a row there. After BREAKER_FAILURES of them a breaker is open and nobody tries for
BREAKER_SECONDS; then one worker does, with a piece of work, and the others wait for what becomes
of it. Where Redis is away each process has its own, closed at first: no export fails for want of
a breaker.

Source: M. Nygard, "Release It!", chapter "Stability Patterns".
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django_redis import get_redis_connection
from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerStorage,
    CircuitMemoryStorage,
    CircuitRedisStorage,
)
from redis.exceptions import RedisError

from exportapp.conf import conf
from exportapp.jobs.away import AWAY, OF_ANCHORS
from exportapp.jobs.journal import Line

log = logging.getLogger("exportapp")

LOOK_SECONDS: Final = 5.0
"""How soon those who wait for another's try look again."""


class _Failed(Exception):
    """What pybreaker is shown for a failure: it need not know which."""


class Turn(Protocol):
    """Whose turn it is to try while the breaker is open; nobody's until a pause is over."""

    def take(self, seconds: float) -> bool: ...
    def close_for(self, seconds: float) -> None: ...
    def open(self) -> None: ...
    def left(self) -> float: ...


@dataclass(frozen=True, slots=True)
class SharedTurn:
    """A key with a time to live: on Redis's clock, and whoever dies with it loses it."""

    redis: Any
    key: str

    def take(self, seconds: float) -> bool:
        return bool(self.redis.set(self.key, "taken", nx=True, px=round(seconds * 1000)))

    def close_for(self, seconds: float) -> None:
        self.redis.set(self.key, "closed", px=round(seconds * 1000))

    def open(self) -> None:
        self.redis.delete(self.key)

    def left(self) -> float:
        return max(0.0, float(self.redis.pttl(self.key)) / 1000)


@dataclass(slots=True)
class OwnTurn:
    until: float = 0.0

    def take(self, seconds: float) -> bool:
        free = time.monotonic() >= self.until
        if free:
            self.close_for(seconds)
        return free

    def close_for(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def open(self) -> None:
        self.until = 0.0

    def left(self) -> float:
        return max(0.0, self.until - time.monotonic())


class Breaker:
    """The breaker before the resource `name`, as it is now; made anew for each question."""

    def __init__(self, name: str) -> None:
        storage, self._turn = _shared(name) or _of_this_process(name)
        # Whose turn it is decides when to try again, so pybreaker need not keep the time.
        self._breaker = CircuitBreaker(
            fail_max=conf.BREAKER_FAILURES,
            reset_timeout=0,
            state_storage=storage,
            throw_new_error_on_trip=False,
        )

    @property
    def is_open(self) -> bool:
        """Also while one worker tries."""
        return bool(self._breaker.current_state != STATE_CLOSED)

    def wait(self) -> float:
        """Seconds until it is worth asking again; 0 when this worker may go, be it to try.

        Whoever may try has LEASE_SECONDS to tell what became of it.
        """
        with contextlib.suppress(RedisError):
            if not self.is_open:
                return 0.0
            if not self._turn.take(conf.LEASE_SECONDS):
                return self._left()
            self._breaker.half_open()
        return 0.0

    def failed(self) -> bool:
        """Count a failure; True when the resource is to be left alone now."""
        with contextlib.suppress(_Failed):
            self._breaker.call(_fail)
        if not self.is_open:
            return False
        with contextlib.suppress(RedisError):
            self._turn.close_for(conf.BREAKER_SECONDS)
        return True

    def worked(self) -> bool:
        """Forget the failures; True when that closed an open breaker."""
        was_open = self.is_open
        self._breaker.call(lambda: None)
        if was_open:
            with contextlib.suppress(RedisError):
                self._turn.open()
        return was_open

    def _left(self) -> float:
        """Never 0; the end of another's try is looked for sooner than it must come."""
        paused = self._breaker.current_state == STATE_OPEN
        most = conf.BREAKER_SECONDS if paused else LOOK_SECONDS
        return min(max(self._turn.left(), 0.1), most)


def all_closed(names: Iterable[str]) -> bool:
    """Whether nothing failed of late before any of these breakers: one call, as nearly always.

    False when there is something to count or to end, or when only asking each of them can tell.
    """
    if OF_ANCHORS:
        return False
    try:
        said = _said(names)
    except AWAY:
        return False
    return all(value in (None, b"0", STATE_CLOSED.encode()) for value in said)


@dataclass(frozen=True, slots=True)
class Failing:
    """A breaker that has something to tell."""

    name: str
    """ "database:default", "storage:exports"."""
    is_open: bool
    failures: int
    """In a row."""


def failing(names: Sequence[str]) -> list[Failing] | None:
    """Those of these breakers that counted failures of late; None while Redis is away."""
    if OF_ANCHORS:
        return None
    try:
        said = _said(names)
    except AWAY:
        return None
    found = [
        Failing(name, state not in (None, STATE_CLOSED.encode()), int(failures or 0))
        for name, state, failures in zip(names, said[::2], said[1::2], strict=True)
    ]
    return [breaker for breaker in found if breaker.is_open or breaker.failures]


def _said(names: Iterable[str]) -> list[bytes | None]:
    """State and failures of each, one after the other, in one call."""
    keys = [
        f"{_key(name)}:{CircuitRedisStorage.BASE_NAMESPACE}:{part}"
        for name in names
        for part in ("state", "fail_counter")
    ]
    said: list[bytes | None] = get_redis_connection(conf.CACHE).mget(keys)
    return said


def _key(name: str) -> str:
    return f"export:breaker:{name}"


def _fail() -> None:
    raise _Failed


def _shared(name: str) -> tuple[CircuitBreakerStorage, Turn] | None:
    """State and turn in Redis; None while it is away."""
    if OF_ANCHORS:
        return None
    try:
        redis = get_redis_connection(conf.CACHE)
        key = _key(name)
        # It sets what is not there yet, and says so if it cannot.
        return CircuitRedisStorage(STATE_CLOSED, redis, namespace=key), SharedTurn(redis, key)
    except AWAY as error:
        OF_ANCHORS.begin()
        log.warning(Line(event="unshared", name=name, message=str(error)))
        return None


@functools.cache
def _of_this_process(name: str) -> tuple[CircuitBreakerStorage, Turn]:
    return CircuitMemoryStorage(STATE_CLOSED), OwnTurn()
