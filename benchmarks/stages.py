"""What each step of an export costs a processor, each by itself, one after the other.

A step is repeated and the least counts, so that what else runs on the machine is left out as far as
can be. Django is set up by whoever imports this.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from benchmarks import ours
from benchmarks.metered import beside_rows
from exportapp.conf import conf
from exportapp.jobs.book import Book, cell_of
from exportapp.jobs.recall import Recalled, recall
from exportapp.jobs.spool import SpoolReader, SpoolWriter
from exportapp.models import ExportJob
from exportapp.tables import copybinary, copying
from exportapp.tables.copyout import Line, Types, connected, tuples, types_of
from exportapp.tables.readers import Chunk
from exportapp.tables.wire import Block
from exportapp.xlsx import cells, measure
from exportapp.xlsx.columns import CellColumn, Content, value_bytes
from exportapp.xlsx.spans import SpanWriter

WHOLE_ROUNDS: Final = 3
FIRST_ROW: Final = 100_000
"""Rows of a million have six digits, mostly."""


def main(rows: int, rounds: int) -> None:
    """Print JSON: CPU seconds of each step, of the whole export, and of shards besides rows."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "rows.xlsx"
        ours.command(output, 100)
        whole = least(lambda: ours.command(output, rows), WHOLE_ROUNDS)
        # Before there is more to collect than a work-horse has.
        exports = [beside_rows(rows) for _ in range(WHOLE_ROUNDS)]
    shards, beside = min(exports, key=lambda export: sum(export[1].values()))
    steps = _steps(rounds)
    told = {"steps": steps, "whole": whole, "shards": shards, "beside": beside}
    json.dump(told, sys.stdout)


def least(do: Callable[[], object], rounds: int) -> float:
    """CPU seconds of this process in the cheapest round."""
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        do()
        spent.append(time.process_time() - begun)
    return min(spent)


def _steps(rounds: int) -> dict[str, float]:
    """Of the newest export."""
    job = ExportJob.objects.latest("created_at")
    sheet, page = recall(job)[0], Book.of(job).pages[0]
    looks = [cell_of(column, style=1) for column in sheet.columns]
    rows = sheet.keyset.ordered()
    slots = copying._slots(sheet.columns, rows.model)
    shaper = copying._Shaper(sheet.columns, rows, slots)
    types, received = _received(sheet, slots)

    def parsed() -> list[Chunk]:
        wanted = list(slots.values())
        return [shaper.chunk(copybinary.arrays(block, types, wanted)) for block in received]

    chunks = parsed()
    spool = _spooled(sheet, chunks)
    contents = [_cells(chunk.batch, page.cells) for chunk in chunks]
    xml = [_rows(content) for content in contents]
    steps: dict[str, Callable[[], object]] = {
        "receiving the rows": lambda: _received(sheet, slots),
        "taking them apart into columns": parsed,
        "facts for the layout": lambda: [measure(chunk.batch, looks) for chunk in chunks],
        "writing the Arrow file": lambda: _spooled(sheet, chunks),
        "reading it": lambda: list(SpoolReader(spool).batches()),
        "values to cells": lambda: [_cells(chunk.batch, page.cells) for chunk in chunks],
        "cells to rows": lambda: [_rows(content) for content in contents],
        "deflating": lambda: _deflated(xml),
    }
    return {step: least(do, rounds) for step, do in steps.items()}


def _received(sheet: Recalled, slots: copying.Slots) -> tuple[Types, list[Block]]:
    """Rows in the binary format, and their types."""
    rows = sheet.keyset.ordered()
    asked = copying._query(rows, sheet.columns, slots, copying.DIGITS)
    with closing(Line(rows.db)) as line, connected(line) as connection:
        types = types_of(connection, *asked)
        assert types is not None
        found = tuples(connection, *asked, len(types), conf.BATCH_ROWS, lambda: None)
        return types, list(found)


def _spooled(sheet: Recalled, chunks: Sequence[Chunk]) -> BytesIO:
    file = BytesIO()
    with SpoolWriter(file, sheet.columns, sheet.keyset.queryset.model) as sink:
        for chunk in chunks:
            sink.write(chunk)
    return file


def _cells(batch: pa.RecordBatch, columns: Sequence[CellColumn]) -> list[Content]:
    pairs = zip(batch.columns, columns, strict=True)
    return [cells._content(array, column, None) for array, column in pairs]


def _rows(contents: Sequence[Content]) -> pa.Array:
    return cells._rows(contents, FIRST_ROW, len(contents[0].value), True)


def _deflated(xml: Sequence[pa.Array]) -> None:
    writer = SpanWriter(BytesIO(), conf.DEFLATE_LEVEL)
    for rows in xml:
        writer.write(value_bytes(rows))
    writer.end()
