"""Following an export for one client: by its request's own thread, or under ASGI by none.

Under ASGI a client costs a task of the loop: a few threads, each with its connection to the
database, look after all of them in turn.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connections
from django.http import HttpRequest

from exportapp.jobs.commits import COMMITS
from exportapp.jobs.places import Place
from exportapp.jobs.pump import hangup

LOOK_SECONDS: Final = 1.0
"""How long nothing may be heard until the database is asked all the same."""

CALM_SECONDS: Final = 0.25
"""The least time between two looks, however much happens."""

LOOKERS: Final = ThreadPoolExecutor(4, thread_name_prefix="exportapp-live")

Told = Generator[bytes | None]
"""Pieces of a response; None where there is nothing to tell until something happens."""

_OVER: Final = object()


def followed(
    request: HttpRequest, told: Told, channel: str, place: Place
) -> Generator[bytes] | AsyncGenerator[bytes]:
    """What is `told`, as it comes; it goes on when something is published on `channel`.

    At the end the `place` is left.
    """
    if isinstance(request, ASGIRequest):
        return _by_loop(told, channel, place)
    return _by_thread(told, channel, place, hangup(request) or (lambda: False))


def _by_thread(
    told: Told, channel: str, place: Place, is_gone: Callable[[], bool]
) -> Generator[bytes]:
    woken = threading.Event()
    with place, COMMITS.heard(channel, woken.set):
        for piece in told:
            if piece is not None:
                yield piece
                continue
            time.sleep(CALM_SECONDS)
            woken.wait(LOOK_SECONDS - CALM_SECONDS)
            woken.clear()
            if is_gone():
                return


async def _by_loop(told: Told, channel: str, place: Place) -> AsyncGenerator[bytes]:
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    # With the language of the request.
    look = partial(contextvars.copy_context().run, _look, told)
    with place, COMMITS.heard(channel, partial(loop.call_soon_threadsafe, woken.set)):
        await _give_thread_back()
        while (piece := await loop.run_in_executor(LOOKERS, look)) is not _OVER:
            if piece is not None:
                yield piece
                continue
            await asyncio.sleep(CALM_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), LOOK_SECONDS - CALM_SECONDS)
            woken.clear()


def _look(told: Told) -> Any:
    try:
        return next(told, _OVER)
    finally:
        close_old_connections()


async def _give_thread_back() -> None:
    """Django keeps the thread of a request, and its connections, until the response has ended.

    Whoever needs a thread later is given a new one. Source: asgiref.sync.ThreadSensitiveContext.
    """
    await sync_to_async(connections.close_all)()
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        thread = SyncToAsync.context_to_thread_executor.pop(context, None)
        if thread is not None:
            thread.shutdown(wait=False)
