"""A process that has imported everything, and forks the processes of a house from itself.

To start Python with Django, Arrow and RQ takes longer than an export here. What is forked is a
process like another, with a session, a log and an environment of its own; but settings were read
before, so there is a nursery for each environment that they see. Nurseries themselves are forked
from a cradle, one for all houses: it has imported what no setting has a say in.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

import psutil

from tests.forking import LONGEST, LOOK_SECONDS, NURSERY, WHOLE, door_of
from tests.house import ROOT, House, wait_for
from tests.services import services
from tests.worker import Worker

_numbers = count()


class Mother(ABC):
    """A process that forks others, as a test sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self._process = self.begin()
        wait_for(lambda: self._ready or not self.alive, what="who forks others is there")
        assert self.alive, self._process.log()

    @abstractmethod
    def begin(self) -> Worker: ...

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def _ready(self) -> bool:
        return (self.folder / "ready").exists()

    def fork(self, args: tuple[str, ...], env: dict[str, str], out: Path, err: Path) -> Worker:
        """`manage.py` with these arguments in a process of its own."""
        asked = {"args": args, "env": env, "out": str(out), "err": str(err)}
        for file in (out, err):
            file.touch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visit:
            visit.connect(door_of(self.folder))
            visit.send(json.dumps(asked).encode())
            pid = int(visit.recv(LONGEST))
        return Worker(Forked(pid, self), err)

    def start(self, *args: str, env: dict[str, str]) -> Worker:
        """The same with a log in the folder."""
        log = self.folder / f"{args[0]}-{next(_numbers)}.log"
        return self.fork(args, env, log, log)

    def run(
        self, *args: str, env: dict[str, str], timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The same to the end; stdout and stderr are text."""
        name = self.folder / f"{args[0]}-{next(_numbers)}"
        files = name.with_suffix(".out"), name.with_suffix(".err")
        code = self.fork(args, env, *files).wait(timeout)
        return subprocess.CompletedProcess(args, code, *(file.read_text() for file in files))

    def exit_code(self, pid: int) -> int | None:
        """None while it runs, and while nobody knows yet."""
        try:
            return int((self.folder / f"{pid}.exit").read_text())
        except FileNotFoundError:
            # A mother that was killed tells nothing any more.
            return None if self.alive or _runs(pid) else -signal.SIGKILL


class Cradle(Mother):
    def begin(self) -> Worker:
        log = self.folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", "from tests.forking import rock; rock()"],
                cwd=ROOT,
                env=os.environ | {NURSERY: str(self.folder)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        services.at_end(process.wait)
        services.at_end(process.kill)
        return Worker(process, log)

    def fork(self, args: tuple[str, ...], env: dict[str, str], out: Path, err: Path) -> Worker:
        return super().fork(args, env | {WHOLE: "1"}, out, err)


@cache
def cradle() -> Cradle:
    """The one of this process of the tests."""
    return Cradle(services.folder / "cradle")


class Nursery(Mother):
    def __init__(self, house: House, env: dict[str, str]) -> None:
        self._house, self._env = house, env
        super().__init__(house.folder / f"nursery-{next(_numbers)}")

    def begin(self) -> Worker:
        code = "from tests.forking import keep; keep()"
        env = self._house.env | self._env | {NURSERY: str(self.folder)}
        log = self.folder / "log"
        worker = cradle().fork(("shell", "--no-imports", "-c", code), env, log, log)
        self._house.workers.append(worker)
        return worker

    def fork(self, args: tuple[str, ...], env: dict[str, str], out: Path, err: Path) -> Worker:
        # The house ends it as it does all of its own.
        self._house.workers.append(super().fork(args, env, out, err))
        return self._house.workers[-1]


def _runs(pid: int) -> bool:
    """An orphan that has ended is a zombie for seconds, where init is slow."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Forked:
    """What is forked, with the methods that `subprocess.Popen` has."""

    def __init__(self, pid: int, mother: Mother) -> None:
        self.pid, self._mother = pid, mother

    def poll(self) -> int | None:
        return self._mother.exit_code(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(LOOK_SECONDS)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        # Once it was waited for, its number may be somebody else's.
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)
