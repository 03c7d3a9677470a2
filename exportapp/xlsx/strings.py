"""Texts that stand once in `xl/sharedStrings.xml` and are named by number (ECMA-376 18.4.9).

Three kinds follow one another there: the tables of columns with few distinct texts, which all
shards know; the texts of the rows, each shard's in a span of its own, put together as rows are;
and the texts of the workbook around the rows. `count` and `uniqueCount` are optional and left
out, since nobody counts while pieces are copied.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import (
    PRESERVE,
    CellColumn,
    Content,
    Piece,
    decoded,
    join,
    value_bytes,
    without_empty,
)
from exportapp.xlsx.escape import written
from exportapp.xlsx.limits import XlsxError
from exportapp.xlsx.spans import Span, SpanWriter

if TYPE_CHECKING:
    from exportapp.xlsx.package import PartWriter

STRINGS: Final = "xl/sharedStrings.xml"

SST_HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
)
SST_END: Final = b"</sst>"

_BLANK: Final = b"<si><t/></si>"
"""Not `<si/>`, which SheetJS does not count."""
_BLANKS: Final = 2**16


@dataclass(frozen=True, slots=True)
class StringsPlan:
    """The numbers of a workbook's shared strings: those of tables, of rows, of the skeleton."""

    tables: tuple[tuple[str, ...], ...] = ()
    """In the order of the columns' `first_string`."""
    rows: int = 0
    """Texts of rows: how many the pools of the workbook's shards count together."""

    @property
    def first_of_rows(self) -> int:
        return sum(map(len, self.tables))

    @property
    def first_of_skeleton(self) -> int:
        return self.first_of_rows + self.rows

    @property
    def head(self) -> bytes:
        """The part up to the texts of the rows."""
        return SST_HEAD + b"".join(bytes(items(pa.array(table))) for table in self.tables)


class StringPool:
    """Collects the texts of rows, compressed as they come, and gives out their numbers.

    The first has the number `first`. `level` as in `SpanWriter`.
    """

    def __init__(self, first: int, *, level: int = 1) -> None:
        self.first = first
        self.count = 0
        self._spool = io.BytesIO()
        self._writer = SpanWriter(self._spool, level)

    def add(self, texts: pa.Array) -> pa.Array:
        """Take the texts in; their numbers as text, null for what is null or empty."""
        texts = without_empty(texts)
        self._writer.write(items(texts))
        here = pc.is_valid(texts)
        start = self.first + self.count
        numbers = pc.cumulative_sum(here.cast(pa.int64()), start=start - 1).cast(pa.string())
        self.count += len(texts) - texts.null_count
        return pc.if_else(here, numbers, None) if texts.null_count else numbers

    def write_to(self, part: PartWriter) -> Span:
        """Put the texts into the shared strings and end; where they are in the package's file."""
        return part.splice(self._spool, self._writer.end(self.count))


def shared_content(array: pa.Array, column: CellColumn, pool: StringPool | None) -> Content:
    """The cells of a column of texts that are shared strings; empty text has none."""
    texts = decoded(array).cast(pa.string())
    if column.table:
        numbers = _numbers_in_table(texts, column)
    elif pool is None:
        raise XlsxError("A column's texts are to be shared strings, but there is no pool for them.")
    else:
        numbers = pool.add(texts)
    return Content.shared(numbers, column.style)


def items(texts: pa.Array) -> pa.Buffer:
    """The `<si>` elements of texts (ECMA-376 18.4.8); null and empty ones have none."""
    value, kept = written(texts)
    opening: Piece = "<si><t>"
    if kept is not None:
        opening = pc.if_else(kept, f"<si><t{PRESERVE}>", "<si><t>")
    return value_bytes(join((opening, value, "</t></si>")))


def write_blanks(part: PartWriter, count: int) -> None:
    """Hold the numbers of `count` texts that are in other files: empty ones, a few bytes each."""
    if count >= _BLANKS:
        block = io.BytesIO()
        writer = SpanWriter(block, 3)
        writer.write(_BLANK * _BLANKS)
        span = writer.end(_BLANKS)
        for _ in range(count // _BLANKS):
            part.splice(block, span)
    part.write(_BLANK * (count % _BLANKS))


def first_strings(tables: Sequence[Sequence[str]]) -> list[int]:
    """The number of each table's first text; that of an empty one says nothing."""
    found, first = [], 0
    for table in tables:
        found.append(first)
        first += len(table)
    return found


def _numbers_in_table(texts: pa.Array, column: CellColumn) -> pa.Array:
    texts = without_empty(texts)
    found = pc.index_in(texts, value_set=pa.array(column.table, pa.string()))
    if found.null_count != texts.null_count:
        lost = texts.filter(pc.and_(pc.is_null(found), pc.is_valid(texts)))
        raise XlsxError(f"The table of shared strings has no '{lost[0].as_py()[:100]}'.")
    return pc.add(found.cast(pa.int64()), column.first_string).cast(pa.string())
