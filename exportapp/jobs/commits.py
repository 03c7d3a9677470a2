"""Hearing of commits: one connection to Redis and one thread for all who listen in a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django_redis import get_redis_connection

from exportapp.conf import conf
from exportapp.jobs.away import AWAY, OF_ANCHORS

LISTEN_SECONDS: Final = 1.0
"""How long nobody may listen any more, or Redis be away, until that is noticed."""

Wake = Callable[[], object]


class Commits:
    """What `Anchors` publish, on channels `export:{id}`; silent while Redis is away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakes: dict[str, list[Wake]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def heard(self, channel: str, wake: Wake) -> Iterator[None]:
        """`wake` is called, from another thread, whenever something is published there."""
        with self._lock:
            self._wakes.setdefault(channel, []).append(wake)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._listen, name="exportapp-commits", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._wakes[channel].remove(wake)
                if not self._wakes[channel]:
                    del self._wakes[channel]

    def _listen(self) -> None:
        heard: Any = None
        while self._is_wanted():
            try:
                if not OF_ANCHORS:
                    if heard is None:
                        heard = get_redis_connection(conf.CACHE).pubsub()
                        heard.psubscribe("export:*")
                    self._tell(heard.get_message(timeout=LISTEN_SECONDS))
            except AWAY:
                OF_ANCHORS.begin()
            if OF_ANCHORS:
                _close(heard)
                heard = None
                time.sleep(LISTEN_SECONDS)
        _close(heard)

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._wakes:
                self._thread = None
            return bool(self._wakes)

    def _tell(self, message: Any) -> None:
        if not message or message["type"] != "pmessage":
            return
        with self._lock:
            for wake in self._wakes.get(message["channel"].decode(), ()):
                # The loop of whoever listened may be over already.
                with suppress(RuntimeError):
                    wake()


def _close(heard: Any) -> None:
    if heard is not None:
        with suppress(*AWAY):
            heard.close()


COMMITS: Final = Commits()
