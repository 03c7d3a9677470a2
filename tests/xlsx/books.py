"""Small workbooks for the tests, and what is written in them."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import pyarrow as pa

from exportapp.xlsx import (
    CellColumn,
    Kind,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    Span,
    build_skeleton,
    render_rows,
    style_indexes,
)

CREATED = datetime(2026, 1, 31, 12, 30)

COLUMNS = (
    SheetColumn(title="Number", width=12.0),
    SheetColumn(title="Customer", width=30.0),
    SheetColumn(title="Amount", width=14.0, number_format="#,##0.00", align="right"),
    SheetColumn(title="Weight", width=10.0),
    SheetColumn(title="Paid", width=8.0, align="center"),
    SheetColumn(title="Day", width=12.0, number_format="yyyy-mm-dd"),
    SheetColumn(title="Created", width=20.0, number_format="yyyy-mm-dd hh:mm:ss"),
)
KINDS = (
    Kind.INTEGER,
    Kind.TEXT,
    Kind.DECIMAL,
    Kind.FLOAT,
    Kind.BOOLEAN,
    Kind.DATE,
    Kind.DATETIME,
)
CELLS = tuple(
    CellColumn(kind=kind, style=style)
    for kind, style in zip(KINDS, style_indexes(COLUMNS), strict=True)
)
PLAN = "Orders"
SHEET = "xl/worksheets/sheet1.xml"


def orders(first: int, count: int) -> pa.RecordBatch:
    """Rows that differ from each other, some with gaps, the same for the same numbers."""
    numbers = range(first, first + count)
    arrays = [
        pa.array(numbers, pa.int64()),
        pa.array([f"Müller & <{n}> 😀" if n % 3 else None for n in numbers], pa.string()),
        pa.array([f"{n}.50" if n % 5 else None for n in numbers], pa.string()),
        pa.array([n / 8 for n in numbers], pa.float64()),
        pa.array([n % 2 == 0 for n in numbers], pa.bool_()),
        pa.array([20_000 + n % 1000 for n in numbers], pa.int32()).cast(pa.date32()),
        pa.array([1_767_225_600_000_000 + n * 60_000_000 for n in numbers], pa.int64()).cast(
            pa.timestamp("us")
        ),
    ]
    return pa.record_batch(arrays, names=[column.title for column in COLUMNS])


def write_book(
    out: BinaryIO,
    batches: Sequence[pa.RecordBatch],
    first_row: int = 2,
    rows: int | None = None,
) -> Span:
    """One sheet of `orders` batches from `first_row` on; the span of its rows."""
    count = sum(batch.num_rows for batch in batches)
    plan = SheetPlan(PLAN, rows or first_row - 2 + count)
    skeleton = build_skeleton(COLUMNS, [plan], properties={"created": CREATED})
    with PackageWriter(out) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        with package.sheet(skeleton.sheets[0].name) as sheet:
            sheet.write(skeleton.sheets[0].head)
            span = sheet.rows(rendered(batches, first_row), count)
            sheet.write(skeleton.sheets[0].tail)
    return span


def rendered(batches: Sequence[pa.RecordBatch], first_row: int) -> list[memoryview]:
    """The XML of batches that follow one another."""
    pieces = []
    for batch in batches:
        pieces.append(render_rows(batch, CELLS, first_row))
        first_row += batch.num_rows
    return pieces


def merge(target: BinaryIO, shards, rows: int, progress=None) -> None:
    """Join shard files of (file, span) into `target` as the final merge does."""
    skeleton = build_skeleton(COLUMNS, [SheetPlan(PLAN, rows)], properties={"created": CREATED})
    with PackageWriter(target, progress=progress) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        with package.sheet(skeleton.sheets[0].name) as sheet:
            sheet.write(skeleton.sheets[0].head)
            for file, span in shards:
                sheet.splice(file, span)
            sheet.write(skeleton.sheets[0].tail)


def shard_files(folder: Path, counts: Sequence[int]) -> list[tuple[BinaryIO, Span]]:
    """One file a shard, as the workers leave them."""
    shards: list[tuple[BinaryIO, Span]] = []
    first = 1
    for number, count in enumerate(counts):
        file = (folder / f"shard{number}.xlsx").open("w+b")
        shards.append((file, write_book(file, [orders(first, count)], first + 1)))
        first += count
    return shards


def book_of(cell: CellColumn, array: pa.Array) -> io.BytesIO:
    """A workbook whose one column holds an array."""
    columns = [SheetColumn(title="Value", width=10.0)]
    skeleton = build_skeleton(columns, [SheetPlan("Sheet", len(array))], properties={})
    out = io.BytesIO()
    with PackageWriter(out) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        with package.sheet(skeleton.sheets[0].name) as sheet:
            sheet.write(skeleton.sheets[0].head)
            sheet.rows([xml_of(cell, array)], len(array))
            sheet.write(skeleton.sheets[0].tail)
    out.seek(0)
    return out


def xml_of(cell: CellColumn, array: pa.Array, first_row: int = 2) -> memoryview:
    """The rows of one column."""
    return render_rows(pa.record_batch([array], names=["value"]), [cell], first_row)


def cells_of(cell: CellColumn, array: pa.Array) -> list[str | None]:
    """The XML of each row's cell from `<c r="A2"` on without the reference; None for no cell."""
    rows = re.findall(r'<row r="\d+">(.*?)</row>', str(xml_of(cell, array), "utf-8"), re.DOTALL)
    return [row.partition('"')[2].partition('"')[2].strip() if row else None for row in rows]


def values_of(cell: CellColumn, array: pa.Array) -> list[str | None]:
    """The text inside each row's cell as an XML parser gives it."""
    sheet = ElementTree.fromstring(b"<s>" + bytes(xml_of(cell, array)) + b"</s>")
    return ["".join(row.itertext()) if len(row) else None for row in sheet]
