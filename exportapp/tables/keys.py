"""Bounds of key ranges as JSON: what the database gave comes back exactly the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused

Bound: TypeAlias = tuple[Any, ...]
"""The values of one row's key, in the key's order."""


def _microseconds(value: timedelta) -> int:
    return value // timedelta(microseconds=1)


# Subclasses stand before their base: bool before int, datetime before date.
_CODECS: Final[tuple[tuple[str, type, Callable[[Any], Any], Callable[[Any], Any]], ...]] = (
    ("null", type(None), lambda value: None, lambda data: None),
    ("bool", bool, bool, bool),
    ("int", int, str, int),
    ("str", str, str, str),
    ("float", float, float.hex, float.fromhex),
    ("decimal", Decimal, str, Decimal),
    ("datetime", datetime, datetime.isoformat, datetime.fromisoformat),
    ("date", date, date.isoformat, date.fromisoformat),
    ("time", time, time.isoformat, time.fromisoformat),
    ("duration", timedelta, _microseconds, lambda data: timedelta(microseconds=data)),
    ("uuid", UUID, str, UUID),
    ("bytes", bytes, lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
)
_DECODERS: Final = {tag: decode for tag, _, _, decode in _CODECS}


def dumps(bound: Bound) -> str:
    """JSON text of [tag, value] pairs; integers are strings, since many readers of JSON round.

    Raises RequestRefused for a value of a type that has no exact form here.
    """
    return json.dumps([_encode(value) for value in bound], separators=(",", ":"))


def loads(text: str) -> Bound:
    return tuple(_DECODERS[tag](data) for tag, data in json.loads(text))


def _encode(value: Any) -> tuple[str, Any]:
    plain = bytes(value) if isinstance(value, memoryview) else value
    for tag, kind, encode, _decode in _CODECS:
        if isinstance(plain, kind):
            return tag, encode(plain)
    name = type(value).__name__
    raise RequestRefused(
        _("Rows cannot be ordered by values of type {name} in an export.").format(name=name)
    )
