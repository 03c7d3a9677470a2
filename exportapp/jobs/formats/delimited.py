"""CSV: lines of values, spliced like the rows of a sheet; every sheet is a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from typing_extensions import Buffer

from exportapp.conf import conf
from exportapp.flat import BOM, Dialect, Envelope, header_line, render_lines
from exportapp.jobs.book import Book
from exportapp.jobs.formats.base import Format, Progress, Rendered, Sheet, batches_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import Segment
from exportapp.jobs.spool import SpoolReader
from exportapp.jobs.written import Written
from exportapp.tables.columns import ColumnSpec
from exportapp.xlsx import SheetColumn, Span


@dataclass(frozen=True, slots=True)
class Delimited(Format):
    @property
    def content_type(self) -> str:
        return "application/gzip" if self.options.gzip else "text/csv; charset=utf-8"

    @property
    def extension(self) -> str:
        return ".csv.gz" if self.options.gzip else ".csv"

    @property
    def dialect(self) -> Dialect:
        escape = self.options.formulas == "escape"
        return Dialect(delimiter=self.options.delimiter, escape_formulas=escape)

    def render(
        self,
        book: Book,
        segments: Sequence[Segment],
        source: SpoolReader,
        out: BinaryIO,
        shard: int,
        progress: Progress,
    ) -> Rendered:
        with self.envelope(out) as envelope:
            envelope.lines([self.head(book.page(segments[0].sheet).columns)], 0)
            return Rendered(
                [
                    envelope.lines(self._lines(book, part, source, progress), part.rows).to_json()
                    for part in segments
                ]
            )

    def merge(
        self,
        book: Book,
        sheets: Sequence[Sheet],
        out: Written,
        sources: Iterator[BinaryIO],
        beat: Heartbeat,
    ) -> None:
        def copied(size: int) -> None:
            beat()

        with self.envelope(out.file, copied) as envelope:
            envelope.lines([self.head(book.page(sheets[0].number).columns)], 0)
            for sheet in sheets:
                for _, span in sheet.pieces:
                    envelope.splice(next(sources), Span.from_json(span))
                    out.settle()
                    beat()

    def envelope(self, out: BinaryIO, progress: Any = None) -> Envelope:
        """Where the lines go, plain or compressed."""
        level = conf.DEFLATE_LEVEL
        return Envelope(out, gzip=self.options.gzip, level=level, progress=progress)

    def head(self, columns: Iterable[SheetColumn | ColumnSpec]) -> bytes:
        """The line of the titles, behind what tells Excel the encoding."""
        titles = header_line([column.title for column in columns], self.dialect)
        return (BOM if self.options.bom else b"") + titles

    def _lines(
        self, book: Book, segment: Segment, source: SpoolReader, progress: Progress
    ) -> Iterator[Buffer]:
        columns = [(cell.kind, cell.time_zone) for cell in book.page(segment.sheet).cells]
        for batch in batches_of(source, segment, progress):
            yield render_lines(batch, columns, self.dialect)
