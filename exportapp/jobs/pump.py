"""Pieces that are made while they are sent, as the body of a response under WSGI and ASGI.

A client that hangs up is noticed while the pieces wait for the database too: under ASGI the server
says so, under WSGI it is seen on the client's socket where the server hands it out.
"""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connections
from django.http import HttpRequest

LOOK_SECONDS: Final = 0.25
"""The time between two looks at the client's socket."""


def pumped(
    request: HttpRequest, pieces: Generator[bytes], stop: Callable[[], None]
) -> Generator[bytes] | AsyncGenerator[bytes]:
    """`pieces`, one at a time as the client takes them.

    They are closed when the client is gone; `stop` is called before that, from another thread, and
    should end what they wait for.
    """
    if isinstance(request, ASGIRequest):
        return _beside(pieces, stop)
    is_gone = _look(request.META)
    return _watched(pieces, stop, is_gone) if is_gone else pieces


async def _beside(pieces: Generator[bytes], stop: Callable[[], None]) -> AsyncGenerator[bytes]:
    # Under ASGI Django would gather all pieces of a plain generator in memory first. One thread
    # for all of them: connections to databases belong to threads.
    thread = ThreadPoolExecutor(1, thread_name_prefix="exportapp-stream")
    loop = asyncio.get_running_loop()
    try:
        while (piece := await loop.run_in_executor(thread, next, pieces, None)) is not None:
            yield piece
    except Exception:
        # Django ends no request whose response breaks: its thread would keep its connections.
        await sync_to_async(close_old_connections)()
        raise
    finally:
        # Not waited for: whoever hung up gets no more of this loop's time.
        threading.Thread(target=stop, daemon=True).start()
        thread.submit(_close, pieces)
        thread.shutdown(wait=False)


def _close(pieces: Generator[bytes]) -> None:
    try:
        pieces.close()
    finally:
        connections.close_all()


def _watched(
    pieces: Generator[bytes], stop: Callable[[], None], is_gone: Callable[[], bool]
) -> Generator[bytes]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if is_gone():
                stop()
                return

    threading.Thread(target=watch, name="exportapp-hangup", daemon=True).start()
    try:
        with closing(pieces):
            yield from pieces
    finally:
        over.set()


def _look(environ: Mapping[str, Any]) -> Callable[[], bool] | None:
    """What sees whether the client is gone; None where the server hands nothing out.

    Sources: gunicorn.http.wsgi.default_environ; waitress documentation, "client_disconnected".
    """
    if callable(asked := environ.get("waitress.client_disconnected")):
        found: Callable[[], bool] = asked
        return found
    connection = environ.get("gunicorn.socket")
    # Of an encrypted one nothing can be peeked at.
    return (lambda: _is_closed(connection)) if type(connection) is socket.socket else None


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it; what it sends ahead stays where it is."""
    with suppress(OSError, ValueError):
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    return True
