"""Whole workbooks in every mode, from batches by way of shards, as the jobs make them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from exportapp.xlsx import (
    CellColumn,
    ColumnFacts,
    Kind,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    Span,
    StringPool,
    StringsPlan,
    build_skeleton,
    first_strings,
    measure,
    needs_text,
    render_rows,
    shared_table,
)


@dataclass(frozen=True)
class Mode:
    references: bool = True
    strings: str = "inline"

    def __str__(self) -> str:
        return f"{self.strings}{'' if self.references else ' compact'}"


MODES = [Mode(refs, strings) for refs in (True, False) for strings in ("inline", "auto", "shared")]


def write_in(mode: Mode, kinds: Sequence[Kind], shards: Sequence[pa.RecordBatch]) -> io.BytesIO:
    """A workbook of one sheet whose shards were written one by one and spliced."""
    facts = look(mode, kinds, shards)
    cells, plan = settled(mode, kinds, facts)
    pieces, row, first = [], 2, plan.first_of_rows if plan else 0
    for shard in shards:
        pool = StringPool(first) if mode.strings == "shared" else None
        pieces.append(_shard(mode, cells, shard, row, pool))
        row += shard.num_rows
        first += pool.count if pool else 0
    return _merged(kinds, pieces, row - 2, plan and replace(plan, rows=first - plan.first_of_rows))


def look(mode: Mode, kinds: Sequence[Kind], shards: Sequence[pa.RecordBatch]) -> list[ColumnFacts]:
    """What extracting finds out."""
    texts = None if mode.strings == "inline" else ()
    plain = [CellColumn(kind=kind, style=1) for kind in kinds]
    facts = [ColumnFacts(distinct=texts) for _ in kinds]
    for shard in shards:
        found, _ = measure(shard, plain, facts, references=mode.references)
        facts = [known.merge(new) for known, new in zip(facts, found, strict=True)]
    return facts


def settled(
    mode: Mode, kinds: Sequence[Kind], facts: Sequence[ColumnFacts]
) -> tuple[list[CellColumn], StringsPlan | None]:
    """The columns as the layout decides on them."""
    tables = [
        () if mode.strings == "inline" else shared_table(*each)
        for each in zip(kinds, facts, strict=True)
    ]
    cells = [
        CellColumn(
            kind=kind,
            as_text=needs_text(known),
            shared=bool(table) or mode.strings == "shared",
            table=table,
            first_string=first,
        )
        for kind, known, table, first in zip(
            kinds, facts, tables, first_strings(tables), strict=True
        )
    ]
    plan = StringsPlan(tuple(table for table in tables if table))
    return cells, None if mode.strings == "inline" else plan


def _shard(
    mode: Mode,
    cells: Sequence[CellColumn],
    batch: pa.RecordBatch,
    row: int,
    pool: StringPool | None,
) -> tuple[io.BytesIO, Span, Span | None]:
    file, texts = io.BytesIO(), None
    half = batch.num_rows // 2
    with PackageWriter(file) as package:
        with package.sheet("rows") as part:
            parts = [(batch.slice(0, half), row), (batch.slice(half), row + half)]
            xml = (
                render_rows(part, cells, first, references=mode.references, pool=pool)
                for part, first in parts
            )
            span = part.rows(xml, batch.num_rows)
        if pool:
            with package.sheet("texts") as part:
                texts = pool.write_to(part)
    return file, span, texts


def _merged(
    kinds: Sequence[Kind],
    pieces: Sequence[tuple[io.BytesIO, Span, Span | None]],
    rows: int,
    plan: StringsPlan | None,
) -> io.BytesIO:
    columns = [SheetColumn(title=f"Column {n}", width=10.0) for n in range(len(kinds))]
    skeleton = build_skeleton(columns, [SheetPlan("Sheet", rows)], properties={}, strings=plan)
    out = io.BytesIO()
    with PackageWriter(out) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        with package.sheet(skeleton.sheets[0].name) as sheet:
            sheet.write(skeleton.sheets[0].head)
            for file, span, _ in pieces:
                sheet.splice(file, span)
            sheet.write(skeleton.sheets[0].tail)
        if skeleton.strings:
            with package.sheet(skeleton.strings.name) as strings:
                strings.write(skeleton.strings.head)
                for file, _, texts in pieces:
                    if texts:
                        strings.splice(file, texts)
                strings.write(skeleton.strings.tail)
    out.seek(0)
    return out
