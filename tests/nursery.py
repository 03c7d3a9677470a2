"""A process that has imported everything, and forks the processes of a house from itself.

To start Python with Django, Arrow and RQ takes longer than an export here. What is forked is a
process like another, with a session, a log and an environment of its own; but settings were read
before, so there is a nursery for each environment that they see.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, NoReturn

import psutil

from tests.house import House, wait_for
from tests.worker import Worker

NURSERY: Final = "NURSERY"
"""In the environment of a process that forks others: the folder in which it is asked to."""

LOOK_SECONDS: Final = 0.02
"""How soon it is known that a process has ended."""

LONGEST: Final = 2**16

_numbers = count()


class Nursery:
    """The process, as a test sees it."""

    def __init__(self, house: House, env: dict[str, str]) -> None:
        self._house, self._folder = house, house.folder / f"nursery-{next(_numbers)}"
        self._folder.mkdir()
        code = "from tests.nursery import keep; keep()"
        self._keeper = house.start_fresh(
            "shell", "--no-imports", "-c", code, **env | {NURSERY: str(self._folder)}
        )
        wait_for(lambda: self._ready or not self.alive, what="the nursery is there")
        assert self.alive, self._keeper.log()

    @property
    def alive(self) -> bool:
        return self._keeper.alive

    @property
    def _ready(self) -> bool:
        return (self._folder / "ready").exists()

    def start(self, *args: str, env: dict[str, str]) -> Worker:
        """`manage.py` with these arguments; the house ends it as it does all of its own."""
        log = self._folder / f"{args[0]}-{next(_numbers)}.log"
        return self._fork(args, env, log, log)

    def run(
        self, *args: str, env: dict[str, str], timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The same to the end; stdout and stderr are text."""
        name = self._folder / f"{args[0]}-{next(_numbers)}"
        files = name.with_suffix(".out"), name.with_suffix(".err")
        code = self._fork(args, env, *files).wait(timeout)
        return subprocess.CompletedProcess(args, code, *(file.read_text() for file in files))

    def _fork(self, args: tuple[str, ...], env: dict[str, str], out: Path, err: Path) -> Worker:
        asked = {"args": args, "env": env, "out": str(out), "err": str(err)}
        for file in (out, err):
            file.touch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visit:
            visit.connect(_door(self._folder))
            visit.send(json.dumps(asked).encode())
            pid = int(visit.recv(LONGEST))
        self._house.workers.append(Worker(Forked(pid, self), err))
        return self._house.workers[-1]

    def exit_code(self, pid: int) -> int | None:
        """None while it runs, and while nobody knows yet."""
        try:
            return int((self._folder / f"{pid}.exit").read_text())
        except FileNotFoundError:
            # A nursery that was killed tells nothing any more.
            return None if self.alive or psutil.pid_exists(pid) else -signal.SIGKILL


class Forked:
    """What is forked, with the methods that `subprocess.Popen` has."""

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid, self._nursery = pid, nursery

    def poll(self) -> int | None:
        return self._nursery.exit_code(self.pid)

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


def keep() -> None:
    """Fork whatever is asked for, until somebody ends this process."""
    from django.urls import get_resolver

    import exportapp.jobs.worker
    import exportapp.management.commands.export_excel  # noqa: F401

    # The checks before each command would import what is behind the addresses.
    _ = get_resolver().url_patterns
    folder = Path(os.environ[NURSERY])
    # What is shared with those who are forked stays shared.
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(_door(folder))
        door.listen()
        door.settimeout(LOOK_SECONDS)
        (folder / "ready").touch()
        while True:
            _reap(folder)
            try:
                visit, _ = door.accept()
            except TimeoutError:
                continue
            with visit:
                asked = json.loads(visit.recv(LONGEST))
                pid = os.fork()
                if pid:
                    # Numbers are used again.
                    (folder / f"{pid}.exit").unlink(missing_ok=True)
                    visit.send(str(pid).encode())
                    continue
            break
    _live(**asked)


def _door(folder: Path) -> str:
    # In no folder: the path of one is soon longer than the 108 bytes there are (unix(7)).
    return f"\0{str(folder)[-100:]}"


def _reap(folder: Path) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        told = folder / f"{pid}.told"
        told.write_text(str(os.waitstatus_to_exitcode(status)))
        told.rename(folder / f"{pid}.exit")


def _live(args: list[str], env: dict[str, str], out: str, err: str) -> NoReturn:
    from django.apps import apps
    from django.core.management import execute_from_command_line

    os.setsid()
    del os.environ[NURSERY]
    os.environ.update(env)
    random.seed()
    for number, path in enumerate((os.devnull, out, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    if apps.is_installed("tests.faults"):
        from tests.faults.apps import put_in

        put_in()
    sys.argv = ["manage.py", *args]
    execute_from_command_line(sys.argv)
    sys.exit()
