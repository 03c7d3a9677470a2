"""Pieces that are made while they are sent, as the body of a response under WSGI and ASGI.

A client that hangs up is noticed while the database is waited for too, before there is an answer
and after: under ASGI the server says so, under WSGI it is seen on the client's socket where the
server hands it out (gunicorn, waitress).
"""

from __future__ import annotations

import asyncio
import functools
import select
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connections, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from exportapp.jobs.stop import Stop

LOOK_SECONDS: Final = 0.25
"""The time between two looks at the client's socket."""


def abandonable(view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
    """`view`, which may take long to answer; under ASGI the Stop of `stop_of` tells it of the end.

    A plain view is not told: Django cancels what waits for it, and it goes on in its thread.
    """

    async def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.exportapp_stop = stop = Stop()  # type: ignore[attr-defined]
        answer = asyncio.ensure_future(sync_to_async(view)(request, *args, **kwargs))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            _ask_aside(stop.ask)
            (await answer).close()
            raise

    # Django has no transaction around a view that is a coroutine, and says so by an error.
    for alias in connections:
        told = transaction.non_atomic_requests(using=alias)(told)
    return functools.wraps(view)(told)


def stop_of(request: HttpRequest) -> Stop:
    """What is asked when the client of this request is gone."""
    found: Stop = getattr(request, "exportapp_stop", None) or Stop()
    return found


@contextmanager
def watching(request: HttpRequest, stop: Callable[[], None]) -> Iterator[None]:
    """`stop` is called, from another thread, when the client is gone meanwhile and this is seen."""
    is_gone = hangup(request)
    if is_gone is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if is_gone():
                stop()
                return

    threading.Thread(target=watch, name="exportapp-hangup", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def hangup(request: HttpRequest) -> Callable[[], bool] | None:
    """What sees whether the client is gone; None where the server hands nothing out.

    Sources: gunicorn.http.wsgi.default_environ; waitress documentation, "client_disconnected".
    """
    if callable(asked := request.META.get("waitress.client_disconnected")):
        found: Callable[[], bool] = asked
        return found
    connection = request.META.get("gunicorn.socket")
    return (lambda: _is_closed(connection)) if isinstance(connection, socket.socket) else None


def pumped(
    request: HttpRequest, pieces: Generator[bytes], stop: Callable[[], None]
) -> Generator[bytes] | AsyncGenerator[bytes]:
    """`pieces`, one at a time as the client takes them.

    They are closed when the client is gone; `stop` is called before that, from another thread, and
    should end what they wait for.
    """
    if isinstance(request, ASGIRequest):
        return _beside(pieces, stop)
    return _watched(request, pieces, stop)


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
        _ask_aside(stop)
        thread.submit(_close, pieces)
        thread.shutdown(wait=False)


def _close(pieces: Generator[bytes]) -> None:
    try:
        pieces.close()
    finally:
        connections.close_all()


def _ask_aside(stop: Callable[[], None]) -> None:
    threading.Thread(target=stop, name="exportapp-stop", daemon=True).start()


def _watched(
    request: HttpRequest, pieces: Generator[bytes], stop: Callable[[], None]
) -> Generator[bytes]:
    with watching(request, stop), closing(pieces):
        yield from pieces


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it; what it sent ahead stays where it is."""
    with suppress(OSError, ValueError):
        if not hasattr(select, "POLLRDHUP"):
            # Not Linux: of an encrypted connection nothing can be seen.
            readable = select.select([connection], [], [], 0)[0]
            plain = type(connection) is socket.socket
            return bool(readable and plain) and not connection.recv(1, socket.MSG_PEEK)
        ends = select.poll()
        ends.register(connection, select.POLLRDHUP)
        # Errors are told without being asked for.
        return bool(ends.poll(0))
    return True
