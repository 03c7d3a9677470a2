"""A sign of life beside a statement that takes longer than a lease.

While the database sorts a large table for its first row, a worker can say nothing: its heartbeat
comes with the rows. A thread says it instead, as long as the process runs: one that is killed or
frozen has no such thread either.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, InterfaceError, connections

from exportapp.conf import conf
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import Lease

FAREWELL_SECONDS: Final = 5.0
"""How long the end of the thread is waited for; a locked SQLite may keep it longer."""


@contextlib.contextmanager
def kept_alive(lease: Lease, beat: Heartbeat) -> Iterator[None]:
    """Renew `lease` whenever `beat` is silent, for STATEMENT_SECONDS at most."""
    over = threading.Event()
    thread = threading.Thread(target=_keep, args=(lease, beat, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(FAREWELL_SECONDS)


def _keep(lease: Lease, beat: Heartbeat, over: threading.Event) -> None:
    # The connection of this thread is its own: the worker's is what is waited for.
    try:
        while not over.wait(conf.LEASE_SECONDS / 3):
            if beat.silence > conf.STATEMENT_SECONDS:
                return
            # What cannot be renewed now may be in a moment; without an answer it runs out.
            with contextlib.suppress(DatabaseError, InterfaceError):
                if beat.silence >= conf.LEASE_SECONDS / 3 and not lease.extend():
                    return
    finally:
        connections.close_all()
