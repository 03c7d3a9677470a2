"""Values as Parquet keeps them: numbers as numbers, moments with their zone.

What is kept as text on the way here, because a database has more digits than 64 bits, becomes a
decimal of just so many digits as the column has in all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx import Kind

MOST_DIGITS: Final = 76
"""What a 256-bit decimal holds (Arrow's Decimal256)."""

SAFE_INTEGER_DIGITS: Final = 18
"""Any number of so many digits fits into 64 bits."""

_NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?$"


@dataclass(frozen=True, slots=True)
class Digits:
    """The most digits before and behind the point of any number of a column."""

    before: int = 1
    behind: int = 0
    exact: bool = True
    """Whether all of them are plain numbers; else the column stays text."""

    def merge(self, other: Digits) -> Digits:
        return Digits(
            max(self.before, other.before),
            max(self.behind, other.behind),
            self.exact and other.exact,
        )

    def arrow_type(self, kind: Kind) -> pa.DataType:
        """What holds them all; an INTEGER is one as long as 64 bits are enough."""
        digits = self.before + self.behind
        if not self.exact or digits > MOST_DIGITS:
            return pa.string()
        if kind is Kind.INTEGER and not self.behind and digits <= SAFE_INTEGER_DIGITS:
            return pa.int64()
        make = pa.decimal128 if digits <= 38 else pa.decimal256
        return make(digits, self.behind)

    def to_json(self) -> list[Any]:
        return [self.before, self.behind, self.exact]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Self:
        return cls(*data)


@dataclass(frozen=True, slots=True)
class FlatColumn:
    """A column of a file of rows."""

    name: str
    kind: Kind
    time_zone: str | None = None
    """IANA name of the zone that a DATETIME is shown in."""


def digits_of(array: pa.Array) -> Digits:
    """How long the numbers of an array of texts are; no digits for any other array."""
    if not pa.types.is_string(array.type) or array.null_count == len(array):
        return Digits()
    filled = pc.if_else(pc.equal(array, ""), None, array)
    exact = pc.all(pc.match_substring_regex(filled, _NUMBER)).as_py() is not False
    length = pc.binary_length(pc.ascii_ltrim(filled, "-"))
    point = pc.find_substring(pc.ascii_ltrim(filled, "-"), ".")
    behind = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(length, point), 1))
    before = pc.if_else(pc.less(point, 0), length, point)
    most = pc.max(before).as_py() or 1, pc.max(behind).as_py() or 0
    return Digits(*most, exact)


def typed_schema(
    columns: Sequence[FlatColumn], stored: pa.Schema, digits: Sequence[Digits]
) -> pa.Schema:
    """The schema of the file: `stored` is how the values are kept on the way to it."""
    types = [
        _type(column, field.type, found)
        for column, field, found in zip(columns, stored, digits, strict=True)
    ]
    return pa.schema(list(zip([column.name for column in columns], types, strict=True)))


def typed_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the types of `schema`."""
    columns = [
        _cast(column, field.type) for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _type(column: FlatColumn, stored: pa.DataType, digits: Digits) -> pa.DataType:
    if column.kind in (Kind.INTEGER, Kind.DECIMAL) and pa.types.is_string(stored):
        return digits.arrow_type(column.kind)
    if pa.types.is_timestamp(stored) and stored.tz:
        return pa.timestamp("us", tz=column.time_zone or stored.tz)
    return stored.value_type if pa.types.is_dictionary(stored) else stored


def _cast(array: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if array.type == wanted:
        return array
    if pa.types.is_string(array.type):
        array = pc.if_else(pc.equal(array, ""), None, array)
    return array.cast(wanted)
