"""Arrow columns to the `<row>` elements of a sheet (ECMA-376 18.3.1.73, 18.3.1.4).

Everything is done a column at a time. One join a batch puts the columns side by side, and the
buffer it leaves is the XML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

from exportapp.xlsx.columns import (
    NO_VALUE,
    CellColumn,
    Content,
    Kind,
    Piece,
    join,
    length_range,
    value_bytes,
)
from exportapp.xlsx.escape import text_content
from exportapp.xlsx.limits import XlsxError, check_columns, check_rows
from exportapp.xlsx.numbers import boolean_content, exact_content, float_content
from exportapp.xlsx.rownumbers import RowNumbers
from exportapp.xlsx.serials import date_content, datetime_content, duration_content, time_content
from exportapp.xlsx.strings import StringPool, shared_content

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


def render_rows(
    batch: pa.RecordBatch,
    columns: Sequence[CellColumn],
    first_row: int,
    *,
    references: bool = True,
    pool: StringPool | None = None,
) -> memoryview:
    """The XML of a batch's rows, `first_row` being the sheet's row number (from 1) of its first.

    Every row and cell carries its reference, because many readers fail without. A null or an
    empty text has no cell. Without `references` only rows do, which makes the file smaller; a
    cell's place is then its number within the row (ECMA-376 18.3.1.4), so that a null has an
    empty cell.

    Texts of shared columns without a table go into `pool`, column by column.

    Raises LimitExceeded below row 1,048,576, XlsxError where the batch has other columns than
    `columns`, where it has a text that its column's table lacks, and for no pool where one is
    needed.
    """
    check_columns(len(columns))
    if batch.num_columns != len(columns):
        raise XlsxError(f"The batch has {batch.num_columns} columns instead of {len(columns)}.")
    check_rows(first_row + batch.num_rows - 1)
    if batch.num_rows > 1 and _most_bytes(batch) > MAX_JOIN_BYTES:
        half = batch.num_rows // 2
        halves = [(batch.slice(0, half), first_row), (batch.slice(half), first_row + half)]
        return memoryview(
            b"".join(
                render_rows(part, columns, first, references=references, pool=pool)
                for part, first in halves
            )
        )
    contents = [
        _content(array, column, pool) for array, column in zip(batch.columns, columns, strict=True)
    ]
    return memoryview(value_bytes(_rows(contents, first_row, batch.num_rows, references)))


def _content(array: pa.Array, column: CellColumn, pool: StringPool | None) -> Content:
    if column.shared and column.holds_text:
        return shared_content(array, column, pool)
    return CONTENT[column.kind](array, column)


def _rows(contents: Sequence[Content], first_row: int, count: int, references: bool) -> pa.Array:
    numbers = RowNumbers(first_row, count)
    pieces: list[Piece | RowNumbers] = ['<row r="', numbers, '">']
    for position, content in enumerate(contents, 1):
        cell: list[Piece | RowNumbers] = ["<c"]
        if references:
            cell = [f'<c r="{get_column_letter(position)}', numbers, '"']
        cell += [content.opening, content.value, content.closing]
        # Without nulls the join of the rows takes the pieces as they are, saving a copy.
        pieces += [join(_arrays(cell))] if content.value.null_count else cell
    pieces.append("</row>")
    missing = "" if references else NO_VALUE
    return pc.binary_join_element_wise(
        *_arrays(pieces), "", null_handling="replace", null_replacement=missing
    )


def _arrays(pieces: Iterable[Piece | RowNumbers]) -> list[Piece]:
    """As few pieces as can be: all between two values is one, with the row numbers in it."""
    found: list[Piece] = []
    for is_array, group in groupby(pieces, lambda piece: isinstance(piece, pa.Array)):
        run = list(group)
        found += run if is_array else [_stamped(run)]
    return found


def _stamped(pieces: Iterable[str | RowNumbers]) -> Piece:
    texts = [""]
    numbers: RowNumbers | None = None
    for piece in pieces:
        if isinstance(piece, str):
            texts[-1] += piece
        else:
            numbers = piece
            texts.append("")
    return numbers.between(*texts) if numbers else texts[0]


def _most_bytes(batch: pa.RecordBatch) -> int:
    text = sum(_text_bytes(array) for array in batch.columns)
    cells: int = batch.num_rows * (1 + batch.num_columns)
    return MAX_GROWTH * text + MAX_CELL_MARKUP * cells


def _text_bytes(array: pa.Array) -> int:
    if pa.types.is_dictionary(array.type):
        return len(array) * length_range(array.dictionary)[1]
    return int(array.nbytes)
