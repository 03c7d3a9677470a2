"""Dates and times as serial numbers of the 1900 date system (ECMA-376 18.17.4.1).

Serial 60 is 1900-02-29, a day that never was (kept from Lotus 1-2-3), so readers disagree on
serials below 61. Dates before 1900-03-01 and after 9999-12-31 are written as ISO 8601 text.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import CellColumn, Content
from exportapp.xlsx.escape import text_content

UNIX_EPOCH: Final = 25_569
"""The serial of 1970-01-01."""

FIRST: Final = 61
"""The serial of 1900-03-01."""

END: Final = 2_958_466
"""The serial after 9999-12-31."""

DAY: Final = 86_400_000_000
"""Microseconds."""


def date_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a DATE column: whole days."""
    serials = pc.add(array.cast(pa.int32()).cast(pa.int64()), UNIX_EPOCH)
    return _serials_or_text(serials, array, column)


def datetime_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a DATETIME column: days since 1899-12-30 by the wall clock of its zone."""
    local = wall_clock(array, column.time_zone)
    # Added as whole numbers before the one division, so that it is rounded once.
    since = pc.add(local.cast(pa.int64()), UNIX_EPOCH * DAY)
    return _serials_or_text(_days(since), local, column)


def time_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a TIME column: fractions of a day."""
    return Content.numbers(_days(array.cast(pa.int64())).cast(pa.string()), column.style)


def duration_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a DURATION column: days, negative ones too."""
    return Content.numbers(_days(array.cast(pa.int64())).cast(pa.string()), column.style)


def wall_clock(array: pa.Array, time_zone: str | None) -> pa.Array:
    """A timestamp array without zone: aware ones as a clock in `time_zone` shows them."""
    if array.type.tz is None:
        return array
    return pc.local_timestamp(array.cast(pa.timestamp("us", tz=time_zone or "UTC")))


def _days(microseconds: pa.Array) -> pa.Array:
    # Unsafe means: round to the nearest double instead of refusing what is beyond 2**53.
    return pc.divide(microseconds.cast(pa.float64(), safe=False), float(DAY))


def _serials_or_text(serials: pa.Array, moments: pa.Array, column: CellColumn) -> Content:
    numbers = Content.numbers(serials.cast(pa.string()), column.style)
    # Judged by the serial: the last microseconds of 9999-12-31 round up to a day that is not.
    seen = pc.min_max(serials).as_py()
    if seen["min"] is None or (seen["min"] >= FIRST and seen["max"] < END):
        return numbers
    inside = pc.and_(pc.greater_equal(serials, FIRST), pc.less(serials, END))
    return numbers.where(inside, text_content(_iso(moments), column))


def _iso(moments: pa.Array) -> pa.Array:
    text = pc.replace_substring(moments.cast(pa.string()), " ", "T")
    return pc.replace_substring_regex(text, r"\.0+$", "")
