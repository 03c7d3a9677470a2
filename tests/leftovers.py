"""The end of a run that was interrupted or killed: its processes are ended, its folder removed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "EXPORTAPP_TESTS"
"""In the environment of every process of a run: the folder of that run."""
PATIENCE_SECONDS = 10


def sweep(folder: Path) -> None:
    """Kill what still runs for this run and remove its folder; a second call does nothing.

    Ordinarily nobody is left. A run that was interrupted twice, or one of whose processes was
    killed, has not come to the end of its fixtures.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := list(processes(folder))) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.2)
    shutil.rmtree(folder, ignore_errors=True)


def processes(folder: Path) -> Iterator[psutil.Process]:
    """Everything that runs for the run with this folder, but for the process that asks."""
    yield from marked(MARK, str(folder))
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            # Servers write their title over their environment, but they work in their folder.
            if Path(process.cwd()).is_relative_to(folder):
                yield process


def marked(name: str, value: str) -> Iterator[psutil.Process]:
    """Processes that were started with this variable, whoever's children they are by now."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(name) == value:
                yield process


def writing_to(folder: Path, but: Path) -> Iterator[psutil.Process]:
    """Processes whose errors go to a file somewhere below `folder`, and not below `but`."""
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            log = Path(os.readlink(f"/proc/{process.pid}/fd/2"))
            if log.is_relative_to(folder) and not log.is_relative_to(but):
                yield process
