"""What a stream costs the web server: memory, first byte and last, by server and kind of file.

`python -m benchmarks.streaming [rows]`; gunicorn is measured where it is installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Final

import httpx

from benchmarks.arena import Arena, build
from benchmarks.meter import peak_of
from benchmarks.report import table
from benchmarks.site import Site, served, sign_in
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


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.end)
        arena = stack.enter_context(build(postgres))
        session = sign_in(arena)
        runs = [(name, kind) for name in SERVERS if find_spec(SERVERS[name][0]) for kind in KINDS]
        arena.grow(FEW)
        few = [_measured(arena, name, kind, session)[-1] for name, kind in runs]
        arena.grow(rows)
        many = [[name, kind, *_measured(arena, name, kind, session)] for name, kind in runs]
    print(table(HEADERS, [[*cells, alone] for cells, alone in zip(many, few, strict=True)]))


def _measured(arena: Arena, name: str, kind: str, session: str) -> list[str]:
    """The cells of one stream of all rows, from a server that is new."""
    with served(arena, SERVERS[name], session) as site, peak_of(site.pid) as peak:
        first, seconds, size = _stream(site, kind)
    speed = f"{arena.rows / seconds:,.0f}"
    memory = f"{peak.most / 2**20:,.0f}"
    return [f"{arena.rows:,}", f"{first:.2f}", speed, f"{size / 1e6:,.0f}", memory]


def _stream(site: Site, kind: str) -> tuple[float, float, int]:
    """Seconds to the first byte and to the last, and bytes."""
    query = {"source": "benchmarks.Sale", "options[format]": kind}
    begun, first, size = time.monotonic(), 0.0, 0
    with (
        httpx.Client(**site.options() | {"timeout": 600}) as client,
        client.stream("GET", "/api/exports/stream/", params=query) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(answer.read().decode())
        for piece in answer.iter_raw():
            first = first or time.monotonic() - begun
            size += len(piece)
    return first, time.monotonic() - begun, size


if __name__ == "__main__":
    main()
