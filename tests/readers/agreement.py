"""Whether what a reader gives is the cell that was meant, whatever its types are."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

EPOCH = datetime(1899, 12, 30)
DAY = 86_400_000
"""Milliseconds."""


def agrees(cell: Any, got: Any, *, as_text: bool = False) -> bool:
    """Text must be text, numbers may be of any type of number, moments may be serial numbers.

    `as_text` lets whatever is no text come as text that says the same.
    """
    if as_text and isinstance(got, str) and not isinstance(cell, str):
        got = _from_text(got, cell)
    match cell:
        case None:
            return got is None or got == ""
        case bool() | str():
            return type(got) is type(cell) and got == cell
        case int() | float():
            return isinstance(got, int | float) and not isinstance(got, bool) and got == cell
        case time():
            # Some readers give a time of day the date of their serial 0.
            serial = milliseconds(got)
            return serial is not None and serial % DAY == milliseconds(cell)
    return milliseconds(got) == milliseconds(cell)


def milliseconds(moment: Any) -> int | None:
    """Since serial 0: readers do not agree on what is smaller."""
    match moment:
        case datetime():
            return round((moment - EPOCH) / timedelta(milliseconds=1))
        case date():
            return milliseconds(datetime.combine(moment, time()))
        case time():
            return milliseconds(datetime.combine(EPOCH, moment))
        case timedelta():
            return round(moment / timedelta(milliseconds=1))
        case float() | int() if not isinstance(moment, bool):
            return round(moment * DAY)
    return None


def _from_text(text: str, like: Any) -> Any:
    if isinstance(like, bool):
        return {"TRUE": True, "1": True, "FALSE": False, "0": False}.get(text.upper())
    for parse in (float, datetime.fromisoformat, time.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return text
