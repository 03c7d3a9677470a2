"""Where every shard's rows go, and how every column looks: computed once, when counts are facts.

Rows have a place in the export (0-based, over all sheets) and a row number on their sheet
(1-based; row 1 is the header). A sheet is cut at `sheet_rows` anywhere in a shard, and at
`sheet_bytes` of XML between two shards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from exportapp.jobs.sharing import Strings
from exportapp.jobs.versions import VERSION, require_version
from exportapp.tables.columns import ColumnSpec
from exportapp.xlsx import SHEET_XML_BYTES, ColumnFacts, LimitExceeded, decide_width, needs_text

HEADER_ROWS = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one shard that lie on one sheet."""

    sheet: int
    first_row: int
    """Row number of the first of them on the sheet."""
    offset: int
    """How many rows of the shard come before them."""
    rows: int

    @property
    def last_row(self) -> int:
        return self.first_row + self.rows - 1


@dataclass(frozen=True, slots=True)
class Layout:
    sheets: list[int]
    """Data rows on each sheet; one empty sheet when there are no rows."""
    widths: list[float]
    as_text: list[bool]
    strings: Strings | None = None
    """Where there are shared strings; None means that every text is inline."""

    def to_json(self) -> dict[str, Any]:
        data = {"v": VERSION, "sheets": self.sheets, "widths": self.widths, "as_text": self.as_text}
        return data | {"strings": self.strings.to_json()} if self.strings else data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Layout:
        """What `to_json` was called on. Raises SourceChanged for another version's."""
        require_version(data, "The places of the rows")
        strings = Strings(**data["strings"]) if "strings" in data else None
        return cls(data["sheets"], data["widths"], data["as_text"], strings)

    def segments(self, first: int, rows: int) -> list[Segment]:
        """Cut rows `first` to `first + rows` of the export at the ends of sheets."""
        found = []
        start = 0
        for sheet, size in enumerate(self.sheets):
            low, high = max(first, start), min(first + rows, start + size)
            if low < high:
                row = low - start + 1 + HEADER_ROWS
                found.append(Segment(sheet, row, low - first, high - low))
            start += size
        return found


def lay_out(
    columns: Sequence[ColumnSpec],
    shards: Iterable[tuple[int, int]],
    facts: Sequence[ColumnFacts],
    *,
    sheet_rows: int,
    sheet_bytes: int = SHEET_XML_BYTES,
    strings: Strings | None = None,
) -> Layout:
    """Settle sheets, widths and whole-column decisions for all shards.

    Each shard is its rows and the most sheet XML, in bytes, that they can make. Where `strings`
    say which shards a workbook has, sheets end there too.

    Raises LimitExceeded when one shard alone is more than a sheet may hold.
    """
    groups = _groups(list(shards), strings)
    workbooks = [_sheets(group, sheet_rows, sheet_bytes) for group in groups]
    if strings and strings.shards:
        strings = replace(strings, sheets=[len(sheets) for sheets in workbooks])
    return Layout(
        sheets=[rows for sheets in workbooks for rows in sheets],
        widths=[
            column.width or decide_width(column.title, fact)
            for column, fact in zip(columns, facts, strict=True)
        ],
        as_text=[needs_text(fact) for fact in facts],
        strings=strings,
    )


def _groups(
    shards: Sequence[tuple[int, int]], strings: Strings | None
) -> list[Sequence[tuple[int, int]]]:
    if not strings or not strings.shards:
        return [shards]
    ends = [0, *accumulate(strings.shards)]
    return [shards[low:high] for low, high in pairwise(ends)]


def _sheets(shards: Iterable[tuple[int, int]], sheet_rows: int, sheet_bytes: int) -> list[int]:
    sheets, used_rows, used_bytes = [], 0, 0
    for rows, size in shards:
        if size > sheet_bytes:
            raise LimitExceeded(
                f"One shard has up to {size:,} bytes of sheet XML; a sheet holds {sheet_bytes:,}. "
                "Set EXPORTAPP_SHARD_ROWS or EXPORTAPP_SHARD_BYTES lower and start over."
            )
        if used_bytes + size > sheet_bytes:
            sheets.append(used_rows)
            used_rows = used_bytes = 0
        used_rows += rows
        used_bytes += size
        while used_rows > sheet_rows:
            sheets.append(sheet_rows)
            used_rows -= sheet_rows
            # What is left of the shard can be no more than all of it.
            used_bytes = size
    return [*sheets, used_rows] if used_rows or not sheets else sheets
