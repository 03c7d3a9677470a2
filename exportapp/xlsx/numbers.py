"""Numbers and truth values as cells.

A cell's number is an IEEE 754 double: it keeps 15 significant digits. What has more is written
as text, so that an ID or an account number leaves as it came.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import (
    CellColumn,
    Content,
    byte_range,
    length_range,
    value_bytes,
    without_empty,
)
from exportapp.xlsx.escape import text_content
from exportapp.xlsx.limits import MAX_NUMBER_DIGITS

LONG: Final = 10**MAX_NUMBER_DIGITS
"""The first whole number with too many digits."""

_PLAIN: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_TRAILING_ZEROS: Final = r"(\.[0-9]*?)0+$"


def exact_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of an INTEGER or DECIMAL column: numbers up to 15 significant digits, else text."""
    too_long = long_numbers(array)
    value = array.cast(pa.string())
    if not pa.types.is_integer(array.type):
        value = without_empty(value)
        too_long = _either(too_long, not_numbers(value))
    if column.as_text:
        return text_content(value, column)
    numbers = Content.numbers(value, column.style)
    return numbers if too_long is None else text_content(value, column).where(too_long, numbers)


def float_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a FLOAT column: the shortest digits that give the same double, NaN as text."""
    # Adding zero turns -0.0, which some readers show as "-0", into 0.0.
    numbers = Content.numbers(pc.add(array, 0.0).cast(pa.string()), column.style)
    finite = pc.is_finite(array)
    if pc.all(finite).as_py() is not False:
        return numbers
    names = pc.if_else(pc.greater(array, 0), "Infinity", "-Infinity")
    texts = Content.texts(pc.if_else(pc.is_nan(array), "NaN", names), column)
    return numbers.where(finite, texts)


def boolean_content(array: pa.Array, column: CellColumn) -> Content:
    """The cells of a BOOLEAN column."""
    return Content.booleans(pc.if_else(array, "1", "0"), column.style)


def long_numbers(array: pa.Array) -> pa.Array | None:
    """Which numbers of an INTEGER or DECIMAL array have over 15 significant digits, if any."""
    if pa.types.is_integer(array.type):
        seen = pc.min_max(array).as_py()
        if (seen["min"] or 0) > -LONG and (seen["max"] or 0) < LONG:
            return None
        return pc.or_(pc.greater_equal(array, LONG), pc.less_equal(array, -LONG))
    if length_range(array)[1] <= MAX_NUMBER_DIGITS:
        return None
    return _marked(pc.greater(_significant_digits(array), MAX_NUMBER_DIGITS))


def not_numbers(array: pa.Array) -> pa.Array | None:
    """Which texts of a DECIMAL array are no plain numbers ("NaN" of a database), if any."""
    low, high = byte_range(value_bytes(array))
    if low >= ord("-") and high <= ord("9"):
        return None
    return _marked(pc.invert(pc.match_substring_regex(array, _PLAIN)))


def _significant_digits(array: pa.Array) -> pa.Array:
    # Zeros at the end of a whole number count: 4000000000000000000 may be an ID.
    array = pc.replace_substring_regex(array, _TRAILING_ZEROS, r"\1")
    return pc.binary_length(pc.replace_substring(pc.ascii_ltrim(array, "-0."), ".", ""))


def _marked(mask: pa.Array) -> pa.Array | None:
    return mask if pc.any(mask).as_py() else None


def _either(one: pa.Array | None, other: pa.Array | None) -> pa.Array | None:
    if one is None or other is None:
        return one if other is None else other
    return pc.or_(one, other)
