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
from typing_extensions import Buffer

from benchmarks import ours
from exportapp.conf import conf
from exportapp.jobs.book import Book, cell_of
from exportapp.jobs.recall import Recalled, recall
from exportapp.jobs.spool import SpoolWriter, batches
from exportapp.models import ExportJob
from exportapp.tables import copying
from exportapp.tables.copyout import Line, blocks, connected
from exportapp.tables.readers import Chunk
from exportapp.xlsx import cells, measure
from exportapp.xlsx.columns import CellColumn, Content, value_bytes
from exportapp.xlsx.spans import SpanWriter

WHOLE: Final = "whole"
WHOLE_ROUNDS: Final = 3
FIRST_ROW: Final = 100_000
"""Rows of a million have six digits, mostly."""


def main(rows: int, rounds: int) -> None:
    """Print JSON: CPU seconds of each step, and of the whole export as WHOLE."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "rows.xlsx"
        ours.command(output, 100)
        whole = least(lambda: ours.command(output, rows), WHOLE_ROUNDS)
    json.dump(_steps(rounds) | {WHOLE: whole}, sys.stdout)


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
    shaper = copying._Shaper(sheet.columns, sheet.keyset.ordered())
    texts = _received(sheet)
    chunks = [shaper.chunk(text) for text in texts]
    spool = _spooled(sheet, chunks)
    contents = [_cells(chunk.batch, page.cells) for chunk in chunks]
    xml = [_rows(content) for content in contents]
    steps: dict[str, Callable[[], object]] = {
        "receiving the rows": lambda: _received(sheet),
        "parsing them into columns": lambda: [shaper.chunk(text) for text in texts],
        "facts for the layout": lambda: [measure(chunk.batch, looks) for chunk in chunks],
        "writing the Arrow file": lambda: _spooled(sheet, chunks),
        "reading it": lambda: list(batches(spool)),
        "values to cells": lambda: [_cells(chunk.batch, page.cells) for chunk in chunks],
        "cells to rows": lambda: [_rows(content) for content in contents],
        "deflating": lambda: _deflated(xml),
    }
    return {step: least(do, rounds) for step, do in steps.items()}


def _received(sheet: Recalled) -> list[Buffer]:
    rows = sheet.keyset.ordered()
    sql, params = copying._query(rows, sheet.columns)
    with closing(Line(rows.db)) as line, connected(line) as connection:
        return list(blocks(connection, sql, params, conf.BATCH_ROWS, lambda: None))


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
