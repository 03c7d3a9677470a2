"""Which texts are shared strings, and under which numbers each shard's are: part of the layout.

Each workbook has shared strings of its own, numbered from 0. Texts of rows must know their numbers
when they are rendered, so that here, other than for inline texts, the layout also says where a
workbook ends: between two shards, by the most XML that their rows can make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Final

from exportapp.exceptions import ExportError
from exportapp.jobs.measured import MeasuredSheet
from exportapp.jobs.options import Options
from exportapp.xlsx import (
    SHEET_XML_BYTES,
    CellColumn,
    PackageWriter,
    Skeleton,
    Span,
    StringPool,
    StringsPlan,
    first_strings,
    needs_text,
    shared_table,
    write_blanks,
)

XML_OF_WORKBOOK: Final = 4
"""Bytes of XML that a byte of a workbook stands for, at least, in ordinary rows."""


@dataclass(frozen=True, slots=True)
class Strings:
    tables: list[list[str]]
    """The table of each column; empty where it has none."""
    texts: list[int] | None = None
    """How many other texts each shard has, in the shards' order; None where those are inline."""
    shards: list[int] = field(default_factory=list)
    """Shards of each workbook; empty where the merge says where workbooks end."""
    sheets: list[int] = field(default_factory=list)
    """Sheets of each workbook."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def plan(self, texts: int = 0) -> StringsPlan:
        """The numbers in a workbook whose rows have so many texts that are in no table."""
        return StringsPlan(tuple(tuple(table) for table in self.tables if table), texts)

    def column(self, position: int) -> dict[str, Any]:
        """What `CellColumn` is to know of it."""
        table = tuple(self.tables[position])
        if not table:
            return {"shared": self.texts is not None}
        first = first_strings(self.tables)[position]
        return {"shared": True, "table": table, "first_string": first}

    def before(self, shard: int) -> int:
        """How many texts of rows stand before those of a shard, which is counted from 1."""
        assert self.texts is not None
        ends = [0, *accumulate(self.shards)]
        begin = next(low for low, high in pairwise(ends) if low < shard <= high)
        return sum(self.texts[begin : shard - 1])

    def until(self, shard: int) -> int:
        """`before`, and those of the shard."""
        return self.before(shard) + self.texts[shard - 1] if self.texts is not None else 0

    def pool(self, shard: int, level: int) -> StringPool | None:
        """Where the texts of a shard go."""
        if self.texts is None:
            return None
        return StringPool(self.plan().first_of_rows + self.before(shard), level=level)


def renumbered(before: Strings | None, after: Strings | None, shard: int) -> bool:
    """Whether the cells of a shard name other strings by one layout than by another."""
    if before is None or after is None:
        return before is not after
    if before.tables != after.tables:
        return True
    if before.texts is None or after.texts is None:
        return before.texts != after.texts
    return before.before(shard) != after.before(shard)


def share(options: Options, sheets: Sequence[MeasuredSheet], workbook_bytes: int) -> Strings | None:
    """Settle tables and numbers; None where all texts are inline."""
    if options.strings == "inline":
        return None
    tables: list[list[str]] = []
    texts: list[int] = []
    for sheet in sheets:
        facts = sheet.facts
        own = [
            list(shared_table(spec.kind, known))
            for spec, known in zip(sheet.columns, facts, strict=True)
        ]
        pooled = [
            CellColumn(kind=spec.kind, as_text=needs_text(known)).holds_text and not table
            for spec, known, table in zip(sheet.columns, facts, own, strict=True)
        ]
        tables += own
        texts += [
            sum(known.filled for known, counts in zip(shard.facts, pooled, strict=True) if counts)
            for shard in sheet.shards
        ]
    if options.strings == "auto":
        return Strings(tables) if any(tables) else None
    # The strings of a workbook are one part, which must stay as small as a sheet.
    most = min(SHEET_XML_BYTES, XML_OF_WORKBOOK * workbook_bytes)
    sizes = [shard.xml_bytes for sheet in sheets for shard in sheet.shards]
    return Strings(tables, texts, _workbooks(sizes, most))


def _workbooks(sizes: Sequence[int], most: int) -> list[int]:
    counts, used = [0], 0
    for size in sizes:
        if counts[-1] and used + size > most:
            counts.append(0)
            used = 0
        counts[-1] += 1
        used += size
    return counts


def write_strings(
    package: PackageWriter,
    skeleton: Skeleton,
    strings: Strings,
    shard: int,
    pool: StringPool | None,
) -> Span | None:
    """The shared strings of a shard alone; where its own are, None where it has none.

    Raises ExportError when it has others than the layout has numbers for.
    """
    assert skeleton.strings is not None
    with package.sheet(skeleton.strings.name) as part:
        part.write(skeleton.strings.head)
        span = None
        if pool is not None:
            write_blanks(part, strings.before(shard))
            span = pool.write_to(part)
            if span.rows != (strings.texts or [])[shard - 1]:
                raise ExportError(f"Shard {shard} has {span.rows} texts, other than its facts say.")
        part.write(skeleton.strings.tail)
    return span
