"""`manage.py` commands that run beside the demo and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

GRACE_SECONDS = 15


@contextmanager
def manage(*args: str, log: Path | None = None, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py *args` until the block is left, by whatever door.

    Its output goes to `log`, or to our own. `env` is added to our environment.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *args]
    target = log.open("ab") if log else None
    try:
        # A session of its own: Ctrl-C must reach it through us, once, after we have let go. The
        # command is our manage.py, and no shell reads it.
        process = subprocess.Popen(  # nosec B603
            command,
            stdout=target,
            stderr=target,
            env=os.environ | env,
            start_new_session=True,
        )
    finally:
        if target:
            target.close()
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
