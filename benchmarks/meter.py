"""Seconds, processors and memory of processes that are not ours."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
LOOK_SECONDS = 0.05


@dataclass(slots=True)
class Peak:
    """The most of what was looked at."""

    most: int = 0


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and its descendants, those that it waited for too."""
    times = psutil.Process(pid).cpu_times()
    ended = times.children_user + times.children_system
    living = sum(_own_cpu(child) for child in psutil.Process(pid).children(recursive=True))
    return float(times.user + times.system + ended + living)


def peak_of(*pids: int) -> AbstractContextManager[Peak]:
    """Watch the processes and all that they start, from a thread, until the block is left.

    What is measured is the largest resident set of any one of them, in bytes. Each look reads the
    kernel's own high-water mark (VmHWM, proc(5)), so that only what a process allocates in its
    last moment can be missed.
    """
    return highest(lambda: max(map(_high_water, _trees(pids)), default=0), LOOK_SECONDS)


@contextlib.contextmanager
def highest(look: Callable[[], int], every: float) -> Iterator[Peak]:
    """Look from a thread, with so many seconds between, until the block is left."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            peak.most = max(peak.most, look())
            over.wait(every)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def run(command: Sequence[str], env: Mapping[str, str], timeout: float) -> tuple[str, Peak]:
    """Run in the checkout to the end; its output, and the peak of its largest process.

    Raises CalledProcessError with its stderr, TimeoutExpired after `timeout` seconds.
    """
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True
        ) as process,
        peak_of(process.pid) as peak,
    ):
        try:
            said, complained = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said, complained)
    return said, peak


def _own_cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _trees(pids: Sequence[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        with contextlib.suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))


def _high_water(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M)
        return int(found[1]) * 1024 if found else 0
    return 0
