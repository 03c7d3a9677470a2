"""Workbooks: spans of rows, spliced into the sheets of a skeleton. Nothing is inflated.

A workbook is closed at a sheet's end before it passes WORKBOOK_BYTES; what follows goes into the
next one. Sheets were settled by the layout; which file they are in is known only at the merge,
from the true compressed sizes, and no row depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

import pyarrow as pa
from typing_extensions import Buffer

from exportapp.conf import conf
from exportapp.jobs.book import Book
from exportapp.jobs.formats.base import Format, Progress, Rendered, Sheet, batches_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import Segment
from exportapp.jobs.sharing import write_strings
from exportapp.jobs.spool import SpoolReader
from exportapp.jobs.written import Written
from exportapp.models import ExportShard
from exportapp.xlsx import (
    SHEET_XML_BYTES,
    ColumnFacts,
    Kind,
    PackageWriter,
    SheetPart,
    Span,
    StringPool,
    StringsPart,
    pressed,
    render_rows,
)
from exportapp.xlsx.losses import counted, losses

TEXTS: Final = "strings"
"""Where a shard's spans have that of its shared strings."""

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""Source: IANA media types registry, ECMA-376 part 1."""


@dataclass(frozen=True, slots=True)
class Workbook(Format):
    @property
    def content_type(self) -> str:
        return MEDIA_TYPE

    @property
    def extension(self) -> str:
        return ".xlsx"

    @property
    def sheet_rows(self) -> int:
        limit: int = conf.SHEET_ROWS
        return limit

    @property
    def sheet_bytes(self) -> int:
        return SHEET_XML_BYTES

    def counted(self, facts: ColumnFacts) -> dict[str, int]:
        return counted(facts)

    def losses(self, array: pa.Array, kind: Kind) -> Iterator[tuple[str, list[int]]]:
        return losses(array, kind)

    def render(
        self,
        book: Book,
        segments: Sequence[Segment],
        source: SpoolReader,
        out: BinaryIO,
        shard: int,
        progress: Progress,
    ) -> Rendered:
        strings = book.layout.strings
        pool = strings.pool(shard, conf.DEFLATE_LEVEL) if strings else None
        # The whole sheet's, whose filter goes down to rows of other shards.
        plans = [(part.sheet, book.layout.sheets[part.sheet]) for part in segments]
        skeleton = book.skeleton(plans, texts=strings.until(shard) if strings else 0)
        spans, also = [], {}
        with PackageWriter(out, level=conf.DEFLATE_LEVEL) as package:
            for part in skeleton.parts:
                package.add(part.name, part.data)
            for segment, page in zip(segments, skeleton.sheets, strict=True):
                with package.sheet(page.name) as sheet:
                    sheet.write(page.head)
                    spans.append(
                        sheet.rows(_xml(book, segment, source, pool, progress), segment.rows)
                    )
                    sheet.write(page.tail)
            texts = write_strings(package, skeleton, strings, shard, pool) if strings else None
        if texts:
            also[TEXTS] = texts.to_json()
        return Rendered([span.to_json() for span in spans], also)

    def files(self, book: Book, sheets: Sequence[Sheet]) -> list[list[Sheet]]:
        settled = book.layout.strings.sheets if book.layout.strings else []
        if settled:
            rest = iter(sheets)
            return [list(islice(rest, count)) for count in settled]
        groups: list[list[Sheet]] = []
        size = 0
        for sheet in sheets:
            needed = sum(Span.from_json(span).size for _, span in sheet.pieces)
            if not groups or size + needed > conf.WORKBOOK_BYTES:
                groups.append([])
                size = 0
            groups[-1].append(sheet)
            size += needed
        return groups

    def needed(self, sheets: Sequence[Sheet]) -> list[ExportShard]:
        rows = [shard for sheet in sheets for shard, _ in sheet.pieces]
        return rows + [shard for shard, _ in _texts(sheets)]

    def merge(
        self,
        book: Book,
        sheets: Sequence[Sheet],
        out: Written,
        sources: Iterator[BinaryIO],
        beat: Heartbeat,
    ) -> None:
        texts = _texts(sheets)
        rows = [(sheet.number, sheet.rows) for sheet in sheets]
        skeleton = book.skeleton(rows, texts=sum(span.rows for _, span in texts))
        open_parts: list[tuple[SheetPart | StringsPart, list[Span]]] = [
            (page, [Span.from_json(span) for _, span in sheet.pieces])
            for page, sheet in zip(skeleton.sheets, sheets, strict=True)
        ]
        if skeleton.strings:
            open_parts.append((skeleton.strings, [span for _, span in texts]))

        def copied(size: int) -> None:
            beat()

        with PackageWriter(out.file, level=conf.DEFLATE_LEVEL, progress=copied) as package:
            for part in skeleton.parts:
                package.add(part.name, part.data)
            for page, spans in open_parts:
                head, tail = (pressed(text, conf.DEFLATE_LEVEL) for text in (page.head, page.tail))
                with package.sheet(page.name, [head[1], *spans, tail[1]]) as member:
                    member.splice(*head)
                    for span in spans:
                        member.splice(next(sources), span)
                        out.settle()
                        beat()
                    member.splice(*tail)


def _texts(sheets: Sequence[Sheet]) -> list[tuple[ExportShard, Span]]:
    """The shared strings of the sheets' rows, in the order of their numbers."""
    shards = dict.fromkeys(shard for sheet in sheets for shard, _ in sheet.pieces)
    found = [(shard, (shard.spans or {}).get(TEXTS)) for shard in shards]
    return [(shard, Span.from_json(span)) for shard, span in found if span]


def _xml(
    book: Book, segment: Segment, source: SpoolReader, pool: StringPool | None, progress: Progress
) -> Iterator[Buffer]:
    """The XML of the segment's rows, batch by batch."""
    row, cells = segment.first_row, book.page(segment.sheet).cells
    for batch in batches_of(source, segment, progress):
        yield render_rows(batch, cells, row, references=book.references, pool=pool)
        row += batch.num_rows
