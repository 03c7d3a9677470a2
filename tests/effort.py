"""Counting what code does instead of how long it takes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from types import FrameType
from typing import Any

import pyarrow.compute as pc
import pytest
from redis.connection import AbstractConnection


@dataclass
class Calls:
    count: int = 0


@contextmanager
def python_calls() -> Iterator[Calls]:
    """Calls of functions in this thread, those written in C among them, while the block runs."""
    calls, before = Calls(), sys.getprofile()

    def count(frame: FrameType, event: str, arg: Any) -> None:
        calls.count += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@contextmanager
def kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Functions of pyarrow.compute that are called: each is a pass over its array."""
    run = Counter[str]()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            run[name] += 1
            return function(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for name in {*pc.list_functions(), "cast"}:
            if hasattr(pc, name):
                patch.setattr(pc, name, counted(name, getattr(pc, name)))
        yield run


def redis_calls_of(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes to Redis from now on: a script or a pipeline is one."""
    calls: list[bytes] = []
    send = AbstractConnection.send_packed_command

    def counted(self: Any, command: Any, **options: Any) -> Any:
        calls.append(command[0] if isinstance(command, list) else command)
        return send(self, command, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return calls
