"""Workbooks: spans of rows, spliced into the sheets of a skeleton. Nothing is inflated.

A workbook is closed at a sheet's end before it passes WORKBOOK_BYTES; what follows goes into the
next one. Sheets were settled by the layout; which file they are in is known only at the merge,
from the true compressed sizes, and no row depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from typing_extensions import Buffer

from exportapp.conf import conf
from exportapp.jobs.book import Book
from exportapp.jobs.formats.base import Format, Sheet, batches_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import Segment
from exportapp.xlsx import SHEET_XML_BYTES, ColumnFacts, PackageWriter, Span, render_rows

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

    def losses(self, facts: ColumnFacts) -> dict[str, int]:
        return {
            "text_cut": facts.cut,
            "characters_replaced": facts.replaced,
            "not_finite": facts.non_finite,
        }

    def render(
        self,
        book: Book,
        segments: Sequence[Segment],
        source: BinaryIO,
        out: BinaryIO,
        beat: Heartbeat,
    ) -> list[list[Any]]:
        # The whole sheet's, whose filter goes down to rows of other shards.
        rows = [(part.sheet, book.layout.sheets[part.sheet]) for part in segments]
        skeleton = book.skeleton(rows)
        spans = []
        with PackageWriter(out, level=conf.DEFLATE_LEVEL) as package:
            for part in skeleton.parts:
                package.add(part.name, part.data)
            for segment, page in zip(segments, skeleton.sheets, strict=True):
                with package.sheet(page.name) as sheet:
                    sheet.write(page.head)
                    spans.append(sheet.rows(_xml(book, segment, source, beat), segment.rows))
                    sheet.write(page.tail)
        return [span.to_json() for span in spans]

    def files(self, sheets: Sequence[Sheet]) -> list[list[Sheet]]:
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

    def merge(
        self,
        book: Book,
        sheets: Sequence[Sheet],
        out: BinaryIO,
        sources: Iterator[BinaryIO],
        beat: Heartbeat,
    ) -> None:
        skeleton = book.skeleton([(sheet.number, sheet.rows) for sheet in sheets])

        def copied(size: int) -> None:
            beat()

        with PackageWriter(out, level=conf.DEFLATE_LEVEL, progress=copied) as package:
            for part in skeleton.parts:
                package.add(part.name, part.data)
            for sheet, page in zip(sheets, skeleton.sheets, strict=True):
                with package.sheet(page.name) as member:
                    member.write(page.head)
                    for _, span in sheet.pieces:
                        with next(sources) as source:
                            member.splice(source, Span.from_json(span))
                        beat()
                    member.write(page.tail)


def _xml(book: Book, segment: Segment, source: BinaryIO, beat: Heartbeat) -> Iterator[Buffer]:
    """The XML of the segment's rows, batch by batch."""
    row, cells = segment.first_row, book.page(segment.sheet).cells
    for batch in batches_of(source, segment, beat):
        yield render_rows(batch, cells, row)
        row += batch.num_rows
