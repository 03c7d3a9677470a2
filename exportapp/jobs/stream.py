"""Rows as a workbook while they are read: no job, no file, and so nothing to resume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import pyarrow as pa
from django.utils import timezone

from exportapp.conf import conf
from exportapp.jobs.book import Book, is_right_to_left, name_of
from exportapp.jobs.journal import Line, log
from exportapp.jobs.layout import HEADER_ROWS, Layout, lay_out
from exportapp.jobs.rights import source_for
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import Chunk, Policy
from exportapp.tables.scan import scan
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.xlsx import (
    SHEET_XML_BYTES,
    CellColumn,
    ColumnFacts,
    Outbox,
    PackageWriter,
    PartWriter,
    Skeleton,
    column_facts,
    render_rows,
)


def stream(selection: Selection, viewer: Viewer, *, policy: str | None = None) -> Generator[bytes]:
    """The workbook of what `viewer` asks for, in pieces of some 100 kB, from the first rows on.

    The cells are those of a job's file of the same rows. What cannot be known ahead differs:

    * widths follow the first BATCH_ROWS rows of a sheet;
    * a column of numbers is text throughout only if a number with over 15 digits is among those
      rows; one that comes later is text by itself;
    * a sheet ends at SHEET_ROWS or at 3.9 GiB of XML that is written, not at a shard's end;
    * there is one workbook, whatever WORKBOOK_BYTES says, and it must end below 4 GiB;
    * sizes follow each part (a data descriptor), and sheets have no `dimension`;
    * bad values are counted in the log and kept nowhere.

    Raises RequestRefused (UnknownName) and NotAllowed at once, not at the first piece. An error
    in the middle is raised from the iterator and the central directory is never written, so
    that no reader takes the pieces for a whole file; to close the iterator ends the query.
    """
    source = source_for(viewer.user, selection.source, selection.site)
    sheets = source.sheets(source.settled(selection, viewer), viewer)
    feeds = []
    for sheet in sheets:
        rows = Keyset.of(sheet.rows)
        how = cast(Policy, policy or conf.BAD_VALUES)
        feeds.append(_Feed(scan(rows, sheet.columns, viewer, policy=how)))
    growing = _Growing(sheets, name_of(source, viewer.language), viewer)
    return _stream(feeds, growing, source.label, viewer)


@dataclass
class _Growing:
    """A workbook whose sheets are known one after the other."""

    sheets: Sequence[SheetSpec]
    """Of the export; those behind the one that is being written are not laid out yet."""
    name: str
    viewer: Viewer
    layouts: list[Layout] = field(default_factory=list)
    created: datetime = field(default_factory=timezone.now)

    def begin(self, first: pa.RecordBatch | None) -> None:
        """Go on to the export's next sheet and decide how its columns look, from its first rows."""
        columns = self.sheets[len(self.layouts)].columns
        facts = [
            column_facts(first.column(index), spec.kind) if first else ColumnFacts()
            for index, spec in enumerate(columns)
        ]
        settled = lay_out(columns, (), facts, sheet_rows=conf.SHEET_ROWS)
        self.layouts.append(Layout([], settled.widths, settled.as_text))

    @property
    def rows(self) -> list[int]:
        """The data rows of each sheet of the workbook that the current one has."""
        return self.layouts[-1].sheets

    def book(self) -> Book:
        # Styles are numbered in the order of the columns: those to come change no number.
        return Book.laid_out(
            self.sheets[: len(self.layouts)],
            Layout.of_sheets(self.layouts),
            name=self.name,
            time_zone=self.viewer.time_zone,
            created=self.created,
            right_to_left=is_right_to_left(self.viewer.language),
        )

    def skeleton(self) -> Skeleton:
        book = self.book()
        return book.skeleton(list(enumerate(book.layout.sheets)))


class _Feed:
    """Batches that can be cut and put back, and the count of what could not be written."""

    def __init__(self, chunks: Generator[Chunk]) -> None:
        self._chunks = chunks
        self._waiting: pa.RecordBatch | None = None
        self.issues: Counter[str] = Counter()
        self.rows = 0

    def peek(self) -> pa.RecordBatch | None:
        """The next batch; it has rows."""
        while self._waiting is None and (chunk := next(self._chunks, None)):
            self.issues.update(issue.code for issue in chunk.issues)
            self._waiting = chunk.batch if chunk.batch.num_rows else None
        return self._waiting

    def drop(self, rows: int) -> None:
        """The first `rows` of the next batch are written."""
        assert self._waiting is not None
        rest = self._waiting.slice(rows)
        self._waiting = rest if rest.num_rows else None
        self.rows += rows

    def close(self) -> None:
        self._chunks.close()


def _stream(
    feeds: Sequence[_Feed], growing: _Growing, label: str, viewer: Viewer
) -> Generator[bytes]:
    out = Outbox()
    with PackageWriter(out, level=conf.DEFLATE_LEVEL) as package:
        for feed in feeds:
            with closing(feed):
                growing.begin(feed.peek())
                while not growing.rows or feed.peek():
                    yield from _sheet(package, out, feed, growing)
        # Last, because only now it is known how many sheets there are and where each ends.
        for part in growing.skeleton().parts:
            package.add(part.name, part.data)
    yield out.take()
    rows = sum(feed.rows for feed in feeds)
    issues = sum((feed.issues for feed in feeds), Counter[str]())
    told = {"source": label, "user": str(viewer.user), "rows": rows, "issues": issues}
    log.info(Line(event="streamed", **told))


def _sheet(package: PackageWriter, out: Outbox, feed: _Feed, growing: _Growing) -> Generator[bytes]:
    sheets = growing.rows
    sheets.append(0)
    page = growing.skeleton().sheets[-1]
    with package.sheet(page.name) as part:
        part.write(page.open_head)
        book = growing.book()
        for rows in _rows(part, feed, book.page(len(book.titles) - 1).cells):
            sheets[-1] += rows
            yield out.take()
        part.write(growing.skeleton().sheets[-1].tail)


def _rows(part: PartWriter, feed: _Feed, cells: Sequence[CellColumn]) -> Iterator[int]:
    """Write rows until the sheet is full or none are left; the number of each batch's."""
    done = 0
    while done < conf.SHEET_ROWS and (batch := feed.peek()):
        batch = batch.slice(0, conf.SHEET_ROWS - done)
        xml = render_rows(batch, cells, 1 + HEADER_ROWS + done)
        if done and part.raw_size + xml.nbytes > SHEET_XML_BYTES:
            return
        part.rows((xml,), batch.num_rows)
        feed.drop(batch.num_rows)
        done += batch.num_rows
        yield batch.num_rows
