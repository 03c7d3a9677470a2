"""Arrow columns to the `<row>` elements of a sheet (ECMA-376 18.3.1.73, 18.3.1.4).

Everything is done a column at a time. One join a batch puts the columns side by side, and the
buffer it leaves is the XML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

from exportapp.xlsx.columns import CellColumn, Content, Kind, Piece, join, length_range, value_bytes
from exportapp.xlsx.escape import text_content
from exportapp.xlsx.limits import XlsxError, check_columns, check_rows
from exportapp.xlsx.numbers import boolean_content, exact_content, float_content
from exportapp.xlsx.serials import date_content, datetime_content, duration_content, time_content

CONTENT: Final[dict[Kind, Callable[[pa.Array, CellColumn], Content]]] = {
    Kind.TEXT: text_content,
    Kind.INTEGER: exact_content,
    Kind.DECIMAL: exact_content,
    Kind.FLOAT: float_content,
    Kind.BOOLEAN: boolean_content,
    Kind.DATE: date_content,
    Kind.DATETIME: datetime_content,
    Kind.TIME: time_content,
    Kind.DURATION: duration_content,
}

MAX_JOIN_BYTES: Final = 2**31 - 1
"""What one string array can hold: its offsets are 32-bit."""

MAX_GROWTH: Final = 7
"""Bytes that one byte of text can become: a carriage return is written `_x000D_`."""

MAX_CELL_MARKUP: Final = 128
"""Bytes of a cell around its text, and of any number or date in it; never reached."""


def render_rows(batch: pa.RecordBatch, columns: Sequence[CellColumn], first_row: int) -> memoryview:
    """The XML of a batch's rows, `first_row` being the sheet's row number (from 1) of its first.

    Every row and cell carries its reference, because many readers fail without. A null or an
    empty text has no cell. Raises LimitExceeded below row 1,048,576, XlsxError where the batch
    has other columns than `columns`.
    """
    check_columns(len(columns))
    if batch.num_columns != len(columns):
        raise XlsxError(f"The batch has {batch.num_columns} columns instead of {len(columns)}.")
    check_rows(first_row + batch.num_rows - 1)
    if batch.num_rows > 1 and _most_bytes(batch) > MAX_JOIN_BYTES:
        return _render_halves(batch, columns, first_row)
    return memoryview(value_bytes(_rows(batch, columns, first_row)))


def _rows(batch: pa.RecordBatch, columns: Sequence[CellColumn], first_row: int) -> pa.Array:
    numbers = row_numbers(first_row, batch.num_rows)
    pieces: list[Piece] = ['<row r="', numbers, '">']
    for position, (array, column) in enumerate(zip(batch.columns, columns, strict=True), 1):
        content = CONTENT[column.kind](array, column)
        pieces += _cells(get_column_letter(position), numbers, content)
    pieces.append("</row>")
    return pc.binary_join_element_wise(
        *_merged(pieces), "", null_handling="replace", null_replacement=""
    )


def row_numbers(first_row: int, count: int) -> pa.Array:
    """`count` row numbers from `first_row` on, as text."""
    ones = pa.repeat(pa.scalar(1, pa.int64()), count)
    return pc.cumulative_sum(ones, start=first_row - 1).cast(pa.string())


def _cells(letters: str, numbers: pa.Array, content: Content) -> list[Piece]:
    cell: list[Piece] = [f'<c r="{letters}', numbers]
    cell += [content.opening, content.value, content.closing]
    # Without nulls the join of the rows takes the pieces as they are, saving a copy.
    return [join(cell)] if content.value.null_count else cell


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged


def _most_bytes(batch: pa.RecordBatch) -> int:
    text = sum(_text_bytes(array) for array in batch.columns)
    cells: int = batch.num_rows * (1 + batch.num_columns)
    return MAX_GROWTH * text + MAX_CELL_MARKUP * cells


def _text_bytes(array: pa.Array) -> int:
    if pa.types.is_dictionary(array.type):
        return len(array) * length_range(array.dictionary)[1]
    return int(array.nbytes)


def _render_halves(
    batch: pa.RecordBatch, columns: Sequence[CellColumn], first_row: int
) -> memoryview:
    half = batch.num_rows // 2
    upper = render_rows(batch.slice(0, half), columns, first_row)
    lower = render_rows(batch.slice(half), columns, first_row + half)
    return memoryview(b"".join((upper, lower)))
