"""What a column holds, and its cells on the way from values to XML."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Piece: TypeAlias = "str | pa.Array"
"""Text that is the same in every row, or one text a row."""

PRESERVE: Final = ' xml:space="preserve"'
"""Tells a reader of `<t>` that white space at the edges is meant (XML 1.0, 2.10)."""

NO_VALUE: Final = "<c/>"
"""Keeps the place of a cell that is not there, where those behind it have no references."""


class Kind(enum.StrEnum):
    """What the values of a column are; beside each, how Arrow stores them."""

    TEXT = "text"
    """string, large_string or dictionary<int32, string>."""
    INTEGER = "integer"
    """int64, or string of decimal digits."""
    DECIMAL = "decimal"
    """string in plain notation, as "-12.50"."""
    FLOAT = "float"
    """float64."""
    BOOLEAN = "boolean"
    """bool."""
    DATE = "date"
    """date32."""
    DATETIME = "datetime"
    """timestamp[us], or timestamp[us, UTC]."""
    TIME = "time"
    """time64[us]."""
    DURATION = "duration"
    """duration[us]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumn:
    """How one column is written."""

    kind: Kind
    style: int = 0
    """Index into the workbook's cellXfs; 0 is the default and is left out."""
    time_zone: str | None = None
    """IANA name of the zone whose wall clock a DATETIME in UTC is shown in; None is UTC."""
    as_text: bool = False
    """INTEGER and DECIMAL become text cells throughout."""
    shared: bool = False
    """Its texts are shared strings (ECMA-376 18.4.8): those of `table`, else each its own."""
    table: tuple[str, ...] = ()
    """Every text of a TEXT column, as written; the same for all who write the workbook."""
    first_string: int = 0
    """The number of the first text of `table` among the shared strings, from 0."""

    @property
    def holds_text(self) -> bool:
        """Whether every cell is text, and not only what is no proper number or date."""
        exact = self.kind in (Kind.INTEGER, Kind.DECIMAL)
        return self.kind is Kind.TEXT or (self.as_text and exact)


@dataclass(frozen=True, slots=True)
class Content:
    """A column's cells from behind their reference to their end.

    A null in `value` means that the row has no cell here.
    """

    opening: Piece
    value: pa.Array
    closing: Piece

    @classmethod
    def numbers(cls, value: pa.Array, style: int) -> Content:
        """`<c … ><v>12.5</v></c>`: the default type "n" (ECMA-376 18.18.11)."""
        return cls(f"{_attribute(style)}><v>", value, "</v></c>")

    @classmethod
    def booleans(cls, value: pa.Array, style: int) -> Content:
        """`<c … t="b"><v>1</v></c>`."""
        return cls(f'{_attribute(style)} t="b"><v>', value, "</v></c>")

    @classmethod
    def shared(cls, value: pa.Array, style: int) -> Content:
        """`<c … t="s"><v>7</v></c>`: the number of a shared string, from 0."""
        return cls(f'{_attribute(style)} t="s"><v>', value, "</v></c>")

    @classmethod
    def texts(cls, value: pa.Array, column: CellColumn, kept: pa.Array | None = None) -> Content:
        """`<c … t="inlineStr"><is><t>abc</t></is></c>` (ECMA-376 18.3.1.53).

        `value` is escaped already; `kept` marks the rows whose white space must survive. A text
        that stands in for a bad number is a formula's result in a shared column ("str"): it is in
        no count, and readers that know no inline strings know this.
        """
        if column.shared:
            return cls(f'{_attribute(column.style)} t="str"><v>', value, "</v></c>")
        plain = f'{_attribute(column.style)} t="inlineStr"><is><t>'
        opening: Piece = plain
        if kept is not None:
            opening = pc.if_else(kept, plain[:-1] + PRESERVE + ">", plain)
        return cls(opening, value, "</t></is></c>")

    def where(self, mask: pa.Array, other: Content) -> Content:
        """These cells in the rows that `mask` marks, the others' elsewhere."""
        return Content(
            pc.if_else(mask, self.opening, other.opening),
            pc.if_else(mask, self.value, other.value),
            pc.if_else(mask, self.closing, other.closing),
        )

    def take(self, indices: pa.Array) -> Content:
        """The cells that `indices` name, as many times as they name them."""
        return Content("", pc.take(join((self.opening, self.value, self.closing)), indices), "")


def join(pieces: Iterable[Piece]) -> pa.Array:
    """The pieces of each row one after the other; null where any piece is null."""
    return pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")


def value_bytes(array: pa.Array) -> pa.Buffer:
    """The text of all values of a string or large_string array end to end, without a copy."""
    _, offsets, data = array.buffers()
    # An empty array may come without offsets, one of nulls without data.
    if data is None or not len(array):
        return pa.py_buffer(b"")
    ends = memoryview(offsets).cast("q" if pa.types.is_large_string(array.type) else "i")
    first, last = ends[array.offset], ends[array.offset + len(array)]
    return data.slice(first, last - first)


def byte_range(data: pa.Buffer) -> tuple[int, int]:
    """The smallest and the largest byte; (0x20, 0x20) where there is none."""
    seen = pc.min_max(pa.Array.from_buffers(pa.uint8(), data.size, [None, data])).as_py()
    return (seen["min"], seen["max"]) if data.size else (0x20, 0x20)


def length_range(array: pa.Array) -> tuple[int, int]:
    """The smallest and the largest length in bytes of the values there are; (0, 0) for none."""
    seen = pc.min_max(pc.binary_length(array)).as_py()
    return (seen["min"] or 0, seen["max"] or 0)


def decoded(array: pa.Array) -> pa.Array:
    """The values themselves where they are stored as indices of a dictionary."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def without_empty(array: pa.Array) -> pa.Array:
    """The array with empty texts made null."""
    if length_range(array)[0] or array.null_count == len(array):
        return array
    return pc.if_else(pc.greater(pc.binary_length(array), 0), array, None)


def _attribute(style: int) -> str:
    return f' s="{style}"' if style else ""
