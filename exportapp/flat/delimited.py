"""Rows as the lines of a CSV (RFC 4180): CRLF, quotes doubled, and only quoted where it must be.

A null is nothing between two delimiters, an empty text is `""`, as PostgreSQL's COPY has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.flat.texts import text_of
from exportapp.xlsx import Kind, XlsxError
from exportapp.xlsx.columns import Piece, join, length_range, value_bytes

END_OF_LINE: Final = "\r\n"

FORMULA_START: Final = (
    "^(?:[\t\r\n]|[ \v\f\u00a0\u200b\u2060\u3000\ufeff]*[-=+@\uff1d\uff0b\uff0d\uff20])"
)
"""What a spreadsheet may take for the beginning of a formula: the full-width forms too, and what
comes behind spaces and signs that nobody sees. Source: OWASP, CSV Injection."""

MAX_JOIN_BYTES: Final = 2**31 - 1
"""What one string array can hold: its offsets are 32-bit."""

MOST_NUMBER_BYTES: Final = 64
"""Bytes of any value that is no text, with its delimiter; never reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    delimiter: str = ","
    escape_formulas: bool = True
    """An apostrophe before a text that a spreadsheet would take for a formula."""


def header_line(titles: Sequence[str], dialect: Dialect) -> bytes:
    """The line of the titles."""
    row = pa.RecordBatch.from_arrays(
        [pa.array([title]) for title in titles],
        names=[str(number) for number in range(len(titles))],
    )
    return bytes(render_lines(row, [(Kind.TEXT, None)] * len(titles), dialect))


def render_lines(
    batch: pa.RecordBatch, columns: Sequence[tuple[Kind, str | None]], dialect: Dialect
) -> memoryview:
    """The lines of a batch in UTF-8; `columns` are kind and time zone (IANA) of each.

    Raises XlsxError where the batch has other columns.
    """
    if batch.num_columns != len(columns) or not columns:
        raise XlsxError(f"The batch has {batch.num_columns} columns instead of {len(columns)}.")
    if batch.num_rows > 1 and _most_bytes(batch) > MAX_JOIN_BYTES:
        half = batch.num_rows // 2
        halves = (batch.slice(0, half), batch.slice(half))
        return memoryview(b"".join(render_lines(rows, columns, dialect) for rows in halves))
    pieces: list[Piece] = []
    for array, (kind, time_zone) in zip(batch.columns, columns, strict=True):
        text = text_of(array, kind, time_zone)
        pieces += [_field(text, dialect) if kind is Kind.TEXT else text, dialect.delimiter]
    pieces[-1] = END_OF_LINE
    lines = pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="")
    return memoryview(value_bytes(lines))


def _field(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Texts made safe, and quoted where a reader would otherwise end them too early."""
    data = value_bytes(array).to_pybytes()
    if dialect.escape_formulas:
        array = _without_formulas(array)
    special = [sign for sign in (dialect.delimiter, '"', "\r", "\n") if sign.encode() in data]
    if not special and length_range(array)[0]:
        return array
    quoted = pc.equal(pc.binary_length(array), 0)
    for sign in special:
        quoted = pc.or_(quoted, pc.match_substring(array, sign))
    if '"' in special:
        array = pc.replace_substring(array, '"', '""')
    return pc.if_else(quoted, join(('"', array, '"')), array)


def _without_formulas(array: pa.Array) -> pa.Array:
    unsafe = pc.match_substring_regex(array, FORMULA_START)
    if not pc.any(unsafe).as_py():
        return array
    return pc.if_else(unsafe, join(("'", array)), array)


def _most_bytes(batch: pa.RecordBatch) -> int:
    # A quote can double, and more is not added than two quotes and an apostrophe.
    text = sum(int(array.nbytes) for array in batch.columns)
    cells: int = batch.num_rows * batch.num_columns
    return 2 * text + cells * MOST_NUMBER_BYTES
