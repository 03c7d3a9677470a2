"""One text for each cell, equal where a reader's value and the value that was read are the same.

Nothing is the empty text; a number is "n:" and 15 significant digits; a truth value "b:1"; a date,
time or duration "t:" and whole milliseconds since 1899-12-30; text is "s:" and itself, after what
a cell cannot hold was cut and replaced. What a value becomes in a cell is said here once more, by
other means than those that write it: that is what makes it a proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import pyarrow as pa

from exportapp.xlsx import MAX_LINE_FEEDS, CellColumn, Kind
from exportapp.xlsx.columns import decoded
from exportapp.xlsx.escape import REPLACEMENT, cut
from exportapp.xlsx.serials import wall_clock

NOTHING: Final = ""

ORIGIN: Final = datetime(1899, 12, 30)
"""Day 0 of the 1900 date system, as it counts from 1900-03-01 on (ECMA-376 18.17.4.1)."""

EPOCH: Final = 25_569
FIRST: Final = 61
END: Final = 2_958_466
"""Serials of 1970-01-01, of 1900-03-01 and of the day after 9999-12-31."""

DAY: Final = 86_400_000_000
"""Microseconds."""

TEMPORAL: Final = frozenset({Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.DURATION})

_ILLEGAL: Final = dict.fromkeys([*set(range(0x20)) - {9, 10, 13}, 0xFFFE, 0xFFFF], REPLACEMENT)
"""What XML 1.0 has no place for (section 2.2), but for lone surrogates, which Arrow cannot hold."""


def expected(array: pa.Array, column: CellColumn) -> list[str]:
    """The canonical texts of an Arrow array, as a cell of `column` must show its values."""
    if column.kind in (Kind.INTEGER, Kind.DECIMAL) and column.as_text:
        return _texts(array.cast(pa.string()))
    return _EXPECTED[column.kind](array, column)


def found(values: Sequence[Any], column: CellColumn) -> list[str]:
    """The canonical texts of what python-calamine read from cells of `column`."""
    temporal = column.kind in TEMPORAL
    return [_found(value, temporal) for value in values]


def _found(value: Any, temporal: bool) -> str:
    if value == "" or value is None:
        return NOTHING
    if isinstance(value, bool):
        return f"b:{value:d}"
    if isinstance(value, str):
        return f"s:{value}"
    # Whether a number is a date is a matter of its format, which a developer may have chosen.
    serial = float(value) if isinstance(value, int | float) else _serial(value)
    return _moment(serial) if temporal else _number(serial)


def _serial(value: date | datetime | time | timedelta) -> float:
    """The number that a reader took for a date or a time."""
    if isinstance(value, time):
        value = datetime.combine(ORIGIN, value)
    elif not isinstance(value, datetime | timedelta):
        value = datetime.combine(value, time())
    since = value if isinstance(value, timedelta) else value - ORIGIN
    return since / timedelta(days=1)


def _number(value: float) -> str:
    # Adding zero takes the sign off a negative zero.
    return f"n:{value + 0.0:.15g}"


def _moment(serial: float) -> str:
    """Whole milliseconds, the half ones away from zero: what readers make of a serial."""
    exact = abs(serial) * 86_400_000
    return f"t:{math.copysign(math.floor(exact + 0.5), serial) + 0.0:.0f}"


def _texts(array: pa.Array) -> list[str]:
    return [
        f"s:{_lines(text.translate(_ILLEGAL))}" if text else NOTHING
        for text in cut(decoded(array)).to_pylist()
    ]


def _lines(text: str) -> str:
    """A space for every line feed that is too many."""
    kept = text.split("\n")
    first, rest = kept[: MAX_LINE_FEEDS + 1], kept[MAX_LINE_FEEDS + 1 :]
    return " ".join(["\n".join(first), *rest])


def _of_text(array: pa.Array, column: CellColumn) -> list[str]:
    return _texts(array)


def _of_exact(array: pa.Array, column: CellColumn) -> list[str]:
    return [NOTHING if value in (None, "") else _exact(value) for value in array.to_pylist()]


def _exact(value: int | str) -> str:
    try:
        number = float(value)
    except ValueError:
        return f"s:{value}"
    # What a database calls NaN or Infinity is no number of a cell.
    return _number(number) if math.isfinite(number) else f"s:{value}"


def _of_float(array: pa.Array, column: CellColumn) -> list[str]:
    return [NOTHING if value is None else _float(value) for value in array.to_pylist()]


def _float(value: float) -> str:
    if math.isfinite(value):
        return _number(value)
    return "s:NaN" if math.isnan(value) else f"s:{'-' * (value < 0)}Infinity"


def _of_boolean(array: pa.Array, column: CellColumn) -> list[str]:
    return [NOTHING if value is None else f"b:{value:d}" for value in array.to_pylist()]


def _of_date(array: pa.Array, column: CellColumn) -> list[str]:
    days = array.cast(pa.int32()).cast(pa.int64())
    return _dated([None if day is None else float(day + EPOCH) for day in days.to_pylist()], array)


def _of_datetime(array: pa.Array, column: CellColumn) -> list[str]:
    clock = wall_clock(array, column.time_zone)
    since = clock.cast(pa.int64()).to_pylist()
    return _dated([None if us is None else _days(us + EPOCH * DAY) for us in since], clock)


def _of_span(array: pa.Array, column: CellColumn) -> list[str]:
    """Of a TIME or a DURATION, which have no day to be told from others."""
    since = array.cast(pa.int64()).to_pylist()
    return [NOTHING if us is None else _moment(_days(us)) for us in since]


def _dated(serials: Sequence[float | None], moments: pa.Array) -> list[str]:
    """Serials, or as ISO 8601 what lies before 1900-03-01 or behind 9999-12-31."""
    return [
        NOTHING
        if serial is None
        else _moment(serial)
        if FIRST <= serial < END
        else f"s:{_iso(str(moments[index].cast(pa.string()).as_py()))}"
        for index, serial in enumerate(serials)
    ]


def _iso(text: str) -> str:
    day, _, clock = text.partition(" ")
    clock = clock.rstrip("0").removesuffix(".") if clock.endswith(".000000") else clock
    return f"{day}T{clock}" if clock else day


def _days(microseconds: int) -> float:
    """A serial as a cell holds it: a double, which has no room for every microsecond."""
    return float(microseconds) / DAY


_EXPECTED: Final[dict[Kind, Callable[[pa.Array, CellColumn], list[str]]]] = {
    Kind.TEXT: _of_text,
    Kind.INTEGER: _of_exact,
    Kind.DECIMAL: _of_exact,
    Kind.FLOAT: _of_float,
    Kind.BOOLEAN: _of_boolean,
    Kind.DATE: _of_date,
    Kind.DATETIME: _of_datetime,
    Kind.TIME: _of_span,
    Kind.DURATION: _of_span,
}
