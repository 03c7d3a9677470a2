"""What a stream costs the web server: memory, first byte and last, by server and kind of file.

`python -m benchmarks.streaming [rows]`; gunicorn is measured where it is installed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Final

import httpx

from benchmarks.arena import Arena, build
from benchmarks.meter import ROOT, peak_of
from benchmarks.report import table
from project.demo.valkey import free_port
from tests.house import wait_for
from tests.services import Postgres

ROWS: Final = 1_000_000
FEW: Final = 20_000
"""Rows of a stream whose memory is what a server needs for any."""

SERVERS: Final[Mapping[str, list[str]]] = {
    "uvicorn (ASGI)": ["uvicorn", "project.asgi:application", "--port={port}"],
    "gunicorn (WSGI)": ["gunicorn", "project.wsgi", "--bind=127.0.0.1:{port}", "--timeout=600"],
}
KINDS: Final = ("xlsx", "csv")
HEADERS: Final = [
    "server",
    "file",
    "rows",
    "first byte, s",
    "rows/s",
    "MB",
    "peak, MiB",
    "peak of 20,000 rows, MiB",
]

SIGN_IN: Final = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser("bench", password=None))
print("session", client.cookies["sessionid"].value)
"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.end)
        arena = stack.enter_context(build(postgres))
        done = arena.house.manage("shell", "-c", SIGN_IN)
        cookies = {"sessionid": done.stdout.rpartition("session ")[2].strip()}
        runs = [(name, kind) for name in SERVERS if find_spec(SERVERS[name][0]) for kind in KINDS]
        arena.grow(FEW)
        few = [_measured(arena, name, kind, cookies)[-1] for name, kind in runs]
        arena.grow(rows)
        many = [[name, kind, *_measured(arena, name, kind, cookies)] for name, kind in runs]
    print(table(HEADERS, [[*cells, alone] for cells, alone in zip(many, few, strict=True)]))


def _measured(arena: Arena, name: str, kind: str, cookies: Mapping[str, str]) -> list[str]:
    """The cells of one stream of all rows, from a server that is new."""
    with _server(arena, SERVERS[name]) as (url, pid), peak_of(pid) as peak:
        first, seconds, size = _stream(url, cookies, kind)
    speed = f"{arena.rows / seconds:,.0f}"
    memory = f"{peak.bytes / 2**20:,.0f}"
    return [f"{arena.rows:,}", f"{first:.2f}", speed, f"{size / 1e6:,.0f}", memory]


def _stream(url: str, cookies: Mapping[str, str], kind: str) -> tuple[float, float, int]:
    """Seconds to the first byte and to the last, and bytes."""
    query = {"source": "benchmarks.Sale", "options[format]": kind}
    begun, first, size = time.monotonic(), 0.0, 0
    with (
        httpx.Client(cookies=dict(cookies), timeout=600, trust_env=False) as client,
        client.stream("GET", f"{url}/api/exports/stream/", params=query) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(answer.read().decode())
        for piece in answer.iter_raw():
            first = first or time.monotonic() - begun
            size += len(piece)
    return first, time.monotonic() - begun, size


@contextmanager
def _server(arena: Arena, words: list[str]) -> Iterator[tuple[str, int]]:
    """One process with the site; its address and the process id."""
    port = free_port()
    command = [sys.executable, "-m", *(word.format(port=port) for word in words)]
    log = arena.house.folder / f"{words[0]}.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=arena.house.env, stdout=output, stderr=output
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: _answers(url), what=f"the web server answers; its log is {log}")
            yield url, process.pid
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
