"""The processes that fork others: what runs in a cradle, in a nursery, and in whom they fork.

`tests.nursery` says what they are for. Nothing is imported here that the cradle need not have.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

NURSERY: Final = "NURSERY"
"""In the environment of a process that forks others: the folder in which it is asked to."""

WHOLE: Final = "WHOLE_ENVIRONMENT"
"""In an environment that has all that the process is to see."""

LOOK_SECONDS: Final = 0.02
"""How soon it is known that a process has ended."""

LONGEST: Final = 2**17
"""Of a question, in bytes: it has an environment in it."""

LIBRARIES: Final = (
    *("django.core.management", "django.db.models", "django.test.signals", "django.views.generic"),
    *("httpx", "isal.isal_zlib", "jsonschema", "openpyxl", "psycopg"),
    # Where there is pandas, the first array of Arrow imports it.
    *("pandas", "pyarrow.compute", "pyarrow.csv"),
    *("redis", "requests", "rq.cron", "rq.worker", "yaml"),
)
"""What the cradle imports; not one of these reads a setting or begins a thread by that."""


def rock() -> None:
    """Be the cradle."""
    for name in LIBRARIES:
        importlib.import_module(name)
    _fork_on_demand()


def keep() -> None:
    """Be a nursery."""
    from django.urls import get_resolver

    import exportapp.jobs.worker
    import exportapp.management.commands.export_excel  # noqa: F401

    # The checks before each command would import what is behind the addresses.
    _ = get_resolver().url_patterns
    _fork_on_demand()


def _fork_on_demand() -> None:
    """Fork whatever is asked for, until somebody ends this process."""
    folder = Path(os.environ[NURSERY])
    # What is shared with those who are forked stays shared.
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(door_of(folder))
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


def door_of(folder: Path) -> str:
    """The address of the socket at which its process is asked."""
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
    if WHOLE in env:
        os.environ.clear()
    os.environ.update(env)
    os.environ.pop(WHOLE, None)
    # As a Python that begins anew reads it.
    paths = env.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    random.seed()
    for number, path in enumerate((os.devnull, out, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    if apps.ready and apps.is_installed("tests.faults"):
        from tests.faults.apps import put_in

        put_in()
    sys.argv = ["manage.py", *args]
    execute_from_command_line(sys.argv)
    sys.exit()
