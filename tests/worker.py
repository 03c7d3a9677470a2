"""A process beside the tests, as they see it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import psutil


class Worker:
    """An RQ worker process; `pid` is the parent's, its work-horse is a child of it.

    `process` is a `subprocess.Popen`, or has its methods.
    """

    def __init__(self, process: Any, log: Path) -> None:
        self._process, self._log = process, log
        self.pid = process.pid

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def horses(self) -> list[int]:
        """The process ids of its work-horses; none when it is gone."""
        try:
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL the parent alone; a work-horse lives on or notices by itself."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        self._process.terminate()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 15) -> int:
        """Wait for its end and return the exit code. Raises TimeoutExpired."""
        return int(self._process.wait(timeout))
