"""How much XML rows will become, told before they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

from exportapp.xlsx.columns import NO_VALUE, PRESERVE, CellColumn, Kind, decoded, value_bytes
from exportapp.xlsx.escape import ESCAPES, REPLACEMENT, Scan, preserved
from exportapp.xlsx.facts import ColumnFacts, column_facts
from exportapp.xlsx.limits import MAX_ROWS
from exportapp.xlsx.serials import END, FIRST, UNIX_EPOCH

ROW_MARKUP: Final = len(f'<row r="{MAX_ROWS}"></row>')
NUMBER_MARKUP: Final = len(f'<c r="{MAX_ROWS}"><v></v></c>')
BOOLEAN_CELL: Final = len(f'<c r="{MAX_ROWS}" t="b"><v>1</v></c>')
TEXT_MARKUP: Final = len(f'<c r="{MAX_ROWS}" t="inlineStr"><is><t></t></is></c>')

LONGEST_NUMBER: Final = {
    Kind.FLOAT: len("-0.0000012345678901234567"),
    Kind.DATE: len("2958465"),
    Kind.DATETIME: len("46053.521354166667"),
    Kind.TIME: len("0.0000012345678901234567"),
    Kind.DURATION: len("-0.0000012345678901234567"),
}
"""The longest number of any value of a kind, in bytes; Arrow uses exponents below 1e-6."""

LONGEST_TEXT: Final = len("&lt;value out of range: -9223372036854775808&gt;")
"""What Arrow says of a date beyond its calendar; longer than any ISO text and "-Infinity"."""

_OFFICE: Final = len("_x000D_") - len("\r")
_GROWTH: Final = {
    **{character: len(entity) - 1 for character, entity in ESCAPES.items()},
    "\r": _OFFICE,
    "_x": _OFFICE,
}


def measure(
    batch: pa.RecordBatch,
    columns: Sequence[CellColumn],
    known: Sequence[ColumnFacts] | None = None,
    *,
    references: bool = True,
) -> tuple[list[ColumnFacts], int]:
    """The facts of each column, and `estimate_xml_bytes`: one look at each text for both.

    `known` are the facts of the rows before: distinct texts are looked for where they have some
    hope left. Without it they are not.
    """
    facts = []
    size = ROW_MARKUP * batch.num_rows
    for position, (array, column) in enumerate(zip(batch.columns, columns, strict=True), 1):
        scan = Scan.of(decoded(array)) if column.kind is Kind.TEXT else None
        before = known[position - 1] if known else ColumnFacts(distinct=None)
        hope = before.distinct is not None
        found = column_facts(array, column.kind, scan, distinct=hope, known_width=before.width)
        facts.append(found)
        size += _cells_bytes(array, column, len(get_column_letter(position)), scan, found.filled)
        if not references:
            size += (batch.num_rows - found.filled) * len(NO_VALUE)
    return facts, size


def estimate_xml_bytes(
    batch: pa.RecordBatch, columns: Sequence[CellColumn], *, references: bool = True
) -> int:
    """An upper bound of the bytes of `render_rows`, whatever the first row; cheap and near.

    It also is one of the rows' shared strings.
    """
    return measure(batch, columns, references=references)[1]


def _cells_bytes(
    array: pa.Array, column: CellColumn, letters: int, scan: Scan | None, filled: int
) -> int:
    style = len(f' s="{column.style}"') if column.style else 0
    if scan is not None:
        return filled * (letters + style + TEXT_MARKUP) + _text_bytes(scan)
    if pa.types.is_string(array.type):
        # Digits, or a word that stands for no number: nothing of it is escaped.
        return filled * (letters + style + TEXT_MARKUP) + int(value_bytes(array).size)
    return filled * (letters + style + _value_cell_bytes(array, column))


def _text_bytes(scan: Scan) -> int:
    grown = sum(scan.count(text) * growth for text, growth in _GROWTH.items())
    replaced = scan.controls * (len(REPLACEMENT.encode()) - 1)
    kept = preserved(scan.array, scan)
    spaces: int = 0 if kept is None else pc.sum(kept).as_py()
    return len(scan.data) + grown + replaced + spaces * len(PRESERVE)


def _value_cell_bytes(array: pa.Array, column: CellColumn) -> int:
    if column.kind is Kind.BOOLEAN:
        return BOOLEAN_CELL
    if column.kind is Kind.INTEGER:
        return _integer_bytes(array, column)
    if _all_numbers(array, column.kind):
        return NUMBER_MARKUP + LONGEST_NUMBER[column.kind]
    return TEXT_MARKUP + LONGEST_TEXT


def _all_numbers(array: pa.Array, kind: Kind) -> bool:
    if kind is Kind.FLOAT:
        return pc.all(pc.is_finite(array)).as_py() is not False
    if kind not in (Kind.DATE, Kind.DATETIME):
        return True
    days = array.cast(pa.timestamp("s", tz=getattr(array.type, "tz", None)), safe=False)
    seen = pc.min_max(days.cast(pa.int64())).as_py()
    # A day's margin on both sides is more than any zone shifts the clock.
    least, most = ((edge - UNIX_EPOCH) * 86_400 for edge in (FIRST + 1, END - 1))
    return seen["min"] is None or (seen["min"] >= least and seen["max"] < most)


def _integer_bytes(array: pa.Array, column: CellColumn) -> int:
    seen = pc.min_max(array).as_py()
    digits = max(len(str(seen["min"])), len(str(seen["max"])))
    plain = digits < len("-123456789012345") and not column.as_text
    return digits + (NUMBER_MARKUP if plain else TEXT_MARKUP)
