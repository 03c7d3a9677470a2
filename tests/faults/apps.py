from __future__ import annotations

import ctypes
import os
from typing import Any, Final

from django.apps import AppConfig
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.forking import NURSERY

AWAY: Final = "AWAY_SECONDS"
"""In the environment: how long a process leaves a Redis alone that did not answer."""

OBEDIENT: Final = "OBEDIENT"
"""In the environment: the modes of files hold for this process, even if it is root."""

CAPABILITIES: Final = 0x20080522
"""The version of what capset(2) takes: a header, and 64 bits in two halves of three words."""
READ_OR_WRITE_ANYTHING: Final = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7))."""


class FaultsConfig(AppConfig):
    """In INSTALLED_APPS of the processes of a plant only: there it puts the faults in."""

    name = "tests.faults"

    def ready(self) -> None:
        if NURSERY not in os.environ:
            put_in()


def put_in() -> None:
    """Put in the faults that the environment names; in a nursery each does so that is forked."""
    from exportapp.jobs.away import OF_ANCHORS
    from tests.faults import points

    points.install()
    OF_ANCHORS.seconds = float(os.environ.get(AWAY, OF_ANCHORS.seconds))
    if OBEDIENT in os.environ:
        obey_modes()


def obey_modes() -> None:
    """Lay down what lets root read and write everything; those that are forked do likewise.

    But for connecting: the socket of the tests' PostgreSQL is in a folder of that server's own.
    """
    connect = DatabaseWrapper.get_new_connection

    def connect_as_root(*args: Any) -> Any:
        _take(READ_OR_WRITE_ANYTHING)
        try:
            return connect(*args)
        finally:
            _take(0)

    DatabaseWrapper.get_new_connection = connect_as_root
    _take(0)


def _take(wanted: int) -> None:
    """Have those two capabilities, or none of them, as far as they are permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    words = (ctypes.c_uint32 * 6)()
    if libc.capget(header, words) == 0:
        # Of the low half: effective, permitted, inheritable.
        words[0] = words[0] & ~READ_OR_WRITE_ANYTHING | words[1] & wanted
        libc.capset(header, words)
