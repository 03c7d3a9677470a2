"""Processes of a plant: whether they live, and signals to them."""

from __future__ import annotations

import os
import signal

import psutil

from tests.house import wait_for
from tests.worker import Worker


def is_alive(pid: int) -> bool:
    """Whether the process runs, or could run again; a zombie cannot."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Send a process of the plant a signal; False when it is gone by itself."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def listening(worker: Worker) -> Worker:
    """The worker, once it waits for work."""
    wait_for(lambda: "Listening on" in worker.log() or not worker.alive, what="it listens")
    assert worker.alive, (worker.wait(), worker.log())
    return worker
