"""The end of a stream from another thread, in the middle of a statement too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connections

from exportapp.exceptions import WorkInterrupted


class Stop:
    """Asked for by whoever notices that nobody listens any more; heeded by whoever reads rows."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._reading: list[Any] = []

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """End the reading, and the statement that the database is at. Safe to call again."""
        self._asked.set()
        with self._lock:
            for connection in self._reading:
                _cancel(connection)

    def heed(self) -> None:
        """Raises WorkInterrupted where it was asked for."""
        if self.asked:
            raise WorkInterrupted("Nobody takes the stream any more.")

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """This thread reads here, and by no `reads` of this any more afterwards.

        Raises WorkInterrupted in place of what the database says to a statement that was ended.
        """
        try:
            yield
        except Exception:
            self.heed()
            raise
        finally:
            self.over()
        self.heed()

    def reads(self, alias: str) -> None:
        """This thread reads by its own connection of database `alias` now."""
        with self._lock:
            self._reading = [connections[alias]]

    def copies(self, connection: Any) -> None:
        """It does so by a second connection too, which takes the place of an earlier second."""
        with self._lock:
            self._reading[1:] = [connection]

    def over(self) -> None:
        """This thread's connection is for others again."""
        with self._lock:
            self._reading = []


def _cancel(connection: Any) -> None:
    driver = connection.connection
    # Of psycopg, psycopg2 and sqlite3: each may be called while another thread waits.
    for name in ("cancel_safe", "cancel", "interrupt"):
        if hasattr(driver, name):
            # It ended by itself meanwhile.
            with suppress(connection.Database.Error):
                getattr(driver, name)()
            return
