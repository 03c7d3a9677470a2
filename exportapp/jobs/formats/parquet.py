"""Parquet: typed columns, a row group for each shard; every sheet is a file of its own.

A shard is typed by itself first. How many digits a column of decimals needs is known only when
all are; the merge widens those columns, and so it decodes and encodes what it copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, BinaryIO, Final

import pyarrow as pa

from exportapp.exceptions import FileDamaged
from exportapp.flat import Digits, FlatColumn, digits_of, typed_schema, typed_table
from exportapp.jobs.book import Book, Page
from exportapp.jobs.formats.base import Format, Progress, Rendered, Sheet, batches_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import Segment
from exportapp.jobs.spool import SpoolReader
from exportapp.jobs.written import Written
from exportapp.tables.arrays import arrow_schema

WRITING: Final[dict[str, Any]] = {"compression": "zstd", "version": "2.6"}


@dataclass(frozen=True, slots=True)
class Parquet(Format):
    @property
    def content_type(self) -> str:
        return "application/vnd.apache.parquet"

    @property
    def extension(self) -> str:
        return ".parquet"

    def render(
        self,
        book: Book,
        segments: Sequence[Segment],
        source: SpoolReader,
        out: BinaryIO,
        shard: int,
        progress: Progress,
    ) -> Rendered:
        import pyarrow.parquet as pq  # 9 MiB that no other export needs

        # A shard is of one sheet of the export, and here a sheet holds any number of rows. Text as
        # it comes, so that any digits of the other shards can be given to it later.
        schema = arrow_schema(book.page(segments[0].sheet).specs)
        placed: list[list[Any]] = []
        with pq.ParquetWriter(out, schema, **WRITING) as writer:
            for segment in segments:
                batches = list(batches_of(source, segment, progress))
                writer.write_table(pa.Table.from_batches(batches, schema))
                digits = [
                    _longest(batch.column(at) for batch in batches) for at in range(len(schema))
                ]
                placed.append([[found.to_json() for found in digits], segment.rows])
        return Rendered(placed)

    def merge(
        self,
        book: Book,
        sheets: Sequence[Sheet],
        out: Written,
        sources: Iterator[BinaryIO],
        beat: Heartbeat,
    ) -> None:
        import pyarrow.parquet as pq

        page = book.page(sheets[0].number)
        columns = _columns(page)
        pieces = [piece for sheet in sheets for _, piece in sheet.pieces]
        digits = [
            reduce(Digits.merge, (Digits.from_json(piece[0][at]) for piece in pieces), Digits())
            for at in range(len(columns))
        ]
        schema = typed_schema(columns, arrow_schema(page.specs), digits)
        with pq.ParquetWriter(out.file, schema, **WRITING) as writer:
            for source, (_, rows) in zip(sources, pieces, strict=True):
                table = pq.ParquetFile(source).read()
                if table.num_rows != rows:
                    raise FileDamaged(f"{table.num_rows} of {rows} rows are in a Parquet shard.")
                writer.write_table(typed_table(table, schema))
                beat()


def _longest(arrays: Iterable[pa.Array]) -> Digits:
    return reduce(Digits.merge, map(digits_of, arrays), Digits())


def _columns(page: Page) -> list[FlatColumn]:
    return [
        FlatColumn(spec.key, cell.kind, cell.time_zone)
        for spec, cell in zip(page.specs, page.cells, strict=True)
    ]
