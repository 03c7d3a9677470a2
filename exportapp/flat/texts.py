"""Values as text that a spreadsheet, a database and a person read the same way.

Moments are wall-clock times, because no spreadsheet knows an offset; numbers keep every digit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx import Kind
from exportapp.xlsx.columns import decoded
from exportapp.xlsx.serials import wall_clock

HOUR: Final = 3_600_000_000
MINUTE: Final = 60_000_000
SECOND: Final = 1_000_000
"""Microseconds."""

_NO_FRACTION: Final = r"\.0+$"
_EXPONENT_SIGN: Final = "e+"


def text_of(array: pa.Array, kind: Kind, time_zone: str | None = None) -> pa.Array:
    """The values of a column as strings, null where there is none.

    `time_zone` is the IANA name of the zone whose clock a DATETIME in UTC is shown by.
    """
    if kind is Kind.DATETIME:
        return _moments(array, time_zone)
    return _TEXT[kind](array)


def _plain(array: pa.Array) -> pa.Array:
    return decoded(array).cast(pa.string())


def _floats(array: pa.Array) -> pa.Array:
    finite = pc.is_finite(array)
    text = pc.replace_substring(array.cast(pa.string()), _EXPONENT_SIGN, "e")
    if pc.all(finite).as_py() is not False:
        return text
    named = pc.if_else(pc.greater(array, 0), "Infinity", "-Infinity")
    return pc.if_else(finite, text, pc.if_else(pc.is_nan(array), "NaN", named))


def _booleans(array: pa.Array) -> pa.Array:
    return pc.if_else(array, "true", "false")


def _times(array: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(array.cast(pa.string()), _NO_FRACTION, "")


def _moments(array: pa.Array, time_zone: str | None) -> pa.Array:
    return _times(wall_clock(array, time_zone))


def _durations(array: pa.Array) -> pa.Array:
    """`[h]:mm:ss`, and six more digits where there is a fraction of a second."""
    signed = array.cast(pa.int64())
    sign = pc.if_else(pc.less(signed, 0), "-", "")
    whole = pc.abs(signed)
    parts = [
        pc.divide(whole, HOUR),
        pc.divide(_rest(whole, HOUR), MINUTE),
        pc.divide(_rest(whole, MINUTE), SECOND),
    ]
    clock = [pc.utf8_lpad(part.cast(pa.string()), 2, "0") for part in parts]
    fraction = pc.utf8_lpad(_rest(whole, SECOND).cast(pa.string()), 6, "0")
    text = pc.binary_join_element_wise(*clock, ":", null_handling="emit_null")
    text = pc.binary_join_element_wise(sign, text, ".", fraction, "", null_handling="emit_null")
    return pc.replace_substring_regex(text, _NO_FRACTION, "")


def _rest(array: pa.Array, unit: int) -> pa.Array:
    return pc.subtract(array, pc.multiply(pc.divide(array, unit), unit))


_TEXT: Final[dict[Kind, Callable[[pa.Array], pa.Array]]] = {
    Kind.TEXT: _plain,
    Kind.INTEGER: _plain,
    Kind.DECIMAL: _plain,
    Kind.FLOAT: _floats,
    Kind.BOOLEAN: _booleans,
    Kind.DATE: _plain,
    Kind.TIME: _times,
    Kind.DURATION: _durations,
}
