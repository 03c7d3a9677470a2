"""Where every shard's rows go, and how every column looks: computed once, when counts are facts.

Rows have a place in the export (0-based, over all sheets) and a row number on their sheet
(1-based; row 1 is the header). A sheet is cut at `sheet_rows` anywhere in a shard, and at
`sheet_bytes` of XML between two shards. So what the export has as one sheet may be several in the
workbook: "Lines" and "Lines 2". The numbers of sheets here are the workbook's; `parts` says which
of the export's sheets each is a part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Any, Final

from django.utils.translation import gettext as _

from exportapp.jobs.sharing import Strings
from exportapp.jobs.versions import VERSION, require_version
from exportapp.tables.columns import ColumnSpec
from exportapp.xlsx import SHEET_XML_BYTES, ColumnFacts, LimitExceeded, decide_width, needs_text

HEADER_ROWS = 1

UNLIMITED: Final = 2**62
"""Rows or bytes of a sheet that ends nowhere."""


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
    """Of all columns, one sheet of the export after the other."""
    as_text: list[bool]
    parts: list[int] = field(default_factory=list)
    """The sheet of the export that each sheet is of; empty where it has one."""
    strings: Strings | None = None
    """Where there are shared strings; None means that every text is inline."""

    @classmethod
    def of_sheets(cls, layouts: Sequence[Layout], strings: Strings | None = None) -> Layout:
        """One layout of those of the export's sheets, in their order, in one workbook."""
        sheets = [rows for layout in layouts for rows in layout.sheets]
        if strings and strings.shards:
            strings = replace(strings, sheets=[len(sheets)])
        return cls(
            sheets=sheets,
            widths=[width for layout in layouts for width in layout.widths],
            as_text=[as_text for layout in layouts for as_text in layout.as_text],
            parts=[part for part, layout in enumerate(layouts) for _ in layout.sheets],
            strings=strings,
        )

    def part(self, sheet: int) -> int:
        """The sheet of the export that this sheet is of."""
        return self.parts[sheet] if self.parts else 0

    def first_sheet(self, part: int) -> int:
        """Where the rows of the export's sheet `part` begin."""
        return self.parts.index(part) if self.parts else 0

    def to_json(self) -> dict[str, Any]:
        data = {"sheets": self.sheets, "widths": self.widths, "as_text": self.as_text}
        # Workers of the version before know no such members, and need none for what they can do.
        parts = {"parts": self.parts} if self.parts else {}
        strings = {"strings": self.strings.to_json()} if self.strings else {}
        return {"v": VERSION, **data, **parts, **strings}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Layout:
        """What `to_json` was called on. Raises SourceChanged for another version's."""
        require_version(data, _("The places of the rows"))
        strings = Strings(**data["strings"]) if "strings" in data else None
        parts = data.get("parts", [])
        return cls(data["sheets"], data["widths"], data["as_text"], parts, strings)

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
    """Settle sheets, widths and whole-column decisions for all shards of one of its sheets.

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
                _(
                    "One shard has up to {size:,} bytes of sheet XML; a sheet holds "
                    "{most:,}. Set EXPORTAPP_SHARD_ROWS or EXPORTAPP_SHARD_BYTES lower and "
                    "start over."
                ).format(size=size, most=sheet_bytes)
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
