"""The process in which RQ does one job: it hears that it is to go, and does not outlive its parent.

RQ's own work-horse is told nothing: SIGTERM kills it, and a killed parent leaves it running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

import rq

from exportapp.jobs.heartbeat import stop_requested

PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that this process gets when its parent dies."""


def obey(parent: int) -> None:
    """Take SIGTERM as the wish to stop, and get one when `parent` dies."""
    stop_requested.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop_requested.set())
    follow(parent)


def listen() -> None:
    """`obey`, in the work-horse of a worker that is no ExportWorker; else nothing."""
    # A worker that does not fork hears signals itself; in a work-horse RQ left them to the system.
    if rq.get_current_job() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        obey(os.getppid())


def follow(parent: int) -> None:
    """Get SIGTERM when `parent` dies, or now if it did already. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
