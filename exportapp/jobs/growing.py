"""A workbook that is sent while it is made: its sheets are known one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import pyarrow as pa

from exportapp.conf import conf
from exportapp.jobs.book import Book, is_right_to_left, name_of
from exportapp.jobs.feed import Feed
from exportapp.jobs.layout import HEADER_ROWS, Layout, lay_out
from exportapp.jobs.options import Options
from exportapp.jobs.words import asked_for, notes, who
from exportapp.models import ExportJob
from exportapp.tables.look import Look
from exportapp.tables.sheets import SheetSpec
from exportapp.tables.sources import AnySource
from exportapp.xlsx import (
    SHEET_XML_BYTES,
    ColumnFacts,
    Outbox,
    PackageWriter,
    PartWriter,
    SheetPart,
    Skeleton,
    XlsxError,
    column_facts,
    render_rows,
)


def workbook(asked: ExportJob, source: AnySource, feeds: Sequence[Feed]) -> Generator[bytes]:
    """The pieces of the workbook of `feeds`; `asked` is no job, but has what one says of itself.

    Raises XlsxError where a developer's hook makes a sheet otherwise once there is another.
    """
    growing = _Growing(asked, source, [feed.sheet for feed in feeds])
    out = Outbox()
    with PackageWriter(out, level=conf.DEFLATE_LEVEL) as package:
        for feed in feeds:
            with closing(feed):
                growing.begin(feed.peek())
                while not growing.rows or feed.peek():
                    yield from _sheet(package, out, feed, growing)
        asked.issues_counted = {}
        for feed in feeds:
            for code, count in feed.issues.items():
                asked.issues_counted[code] = asked.issues_counted.get(code, 0) + count
        # Last, because only now it is known how many sheets there are and where each ends.
        for part in growing.finished().parts:
            package.add(part.name, part.data)
    yield out.take()


@dataclass
class _Growing:
    asked: ExportJob
    source: AnySource
    sheets: Sequence[SheetSpec]
    """Of the export."""
    layouts: list[Layout] = field(init=False)
    """Of each of them; those behind the current one have no sheet in the workbook yet."""
    current: int = -1
    written: list[SheetPart] = field(default_factory=list)
    """What stands around the rows in each sheet that is sent."""

    def __post_init__(self) -> None:
        self.look = Look.of(self.source)
        # Their columns are in the table of styles from the beginning: it must not change.
        self.layouts = [_layout(sheet, None) for sheet in self.sheets]

    def begin(self, first: pa.RecordBatch | None) -> None:
        """Go on to the export's next sheet and decide how its columns look, from its first rows."""
        self.current += 1
        self.layouts[self.current] = _layout(self.sheets[self.current], first)

    @property
    def rows(self) -> list[int]:
        """The data rows of each sheet of the workbook that the current one has."""
        return self.layouts[self.current].sheets

    def book(self) -> Book:
        asked = self.asked
        book = Book.laid_out(
            self.sheets,
            Layout.of_sheets(self.layouts),
            name=name_of(self.source, asked.language),
            time_zone=asked.time_zone,
            created=asked.created_at,
            references=not Options.from_json(asked.options).compact,
            right_to_left=is_right_to_left(asked.language),
        )
        told = {"creator": who(asked) or "exportapp", "description": asked_for(asked)}
        return replace(book, properties=book.properties | told, look=self.look)

    def skeleton(self) -> Skeleton:
        """As far as it has grown. Raises XlsxError where what is sent would be otherwise now."""
        return self._checked(self.book())

    def finished(self) -> Skeleton:
        return self._checked(replace(self.book(), notes=notes(self.asked)))

    def _checked(self, book: Book) -> Skeleton:
        found = book.skeleton(list(enumerate(book.layout.sheets)))
        for title, sent, now in zip(book.titles, self.written, found.sheets, strict=False):
            if (sent.name, sent.open_head, sent.tail) != (now.name, now.open_head, now.tail):
                raise XlsxError(
                    f"The workbook hook or the template makes the sheet '{title}', which is sent "
                    "already, otherwise now that there is more in the workbook."
                )
        return found


def _layout(sheet: SheetSpec, first: pa.RecordBatch | None) -> Layout:
    facts = [
        column_facts(first.column(index), spec.kind) if first else ColumnFacts()
        for index, spec in enumerate(sheet.columns)
    ]
    settled = lay_out(sheet.columns, (), facts, sheet_rows=conf.SHEET_ROWS)
    return Layout([], settled.widths, settled.as_text)


def _sheet(package: PackageWriter, out: Outbox, feed: Feed, growing: _Growing) -> Generator[bytes]:
    sheets = growing.rows
    sheets.append(0)
    page = growing.skeleton().sheets[-1]
    with package.sheet(page.name) as part:
        part.write(page.open_head)
        for rows in _rows(part, feed, growing.book()):
            sheets[-1] += rows
            yield out.take()
        page = replace(growing.skeleton().sheets[-1], head=page.head)
        part.write(page.tail)
    growing.written.append(page)


def _rows(part: PartWriter, feed: Feed, book: Book) -> Iterator[int]:
    """Write rows until the sheet is full or none are left; the number of each batch's."""
    cells = book.page(len(book.titles) - 1).cells
    done = 0
    while done < conf.SHEET_ROWS and (batch := feed.peek()):
        batch = batch.slice(0, conf.SHEET_ROWS - done)
        xml = render_rows(batch, cells, 1 + HEADER_ROWS + done, references=book.references)
        if done and part.raw_size + xml.nbytes > SHEET_XML_BYTES:
            return
        part.rows((xml,), batch.num_rows)
        feed.drop(batch.num_rows)
        done += batch.num_rows
        yield batch.num_rows
