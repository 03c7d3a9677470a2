"""Read a finished file back with a foreign reader and hold it against the rows that were read.

Sheet by sheet the rows are counted and each cell's canonical text is compared with that of the
value in the Arrow files, in order; a column's checksum is the SHA-256 of those texts, each with a
NUL behind it, which no cell can hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

import pyarrow as pa
from django.utils.translation import gettext as _

from exportapp.exceptions import FileDamaged, VerificationFailed
from exportapp.jobs.book import Book, Page
from exportapp.jobs.canonical import expected, found
from exportapp.jobs.files import local_path
from exportapp.jobs.layout import HEADER_ROWS
from exportapp.jobs.slices import Cells, read_sheet, reader_name
from exportapp.jobs.spool import SpoolReader
from exportapp.models import ExportFile, ExportJob, ExportShard
from exportapp.xlsx import CellColumn

QUOTED: Final = 80
"""Characters of a cell that a message quotes."""

Texts = list[list[str]]
"""Canonical texts, column by column."""

Rows = Callable[[ExportShard], BinaryIO]
"""Opens a shard's Arrow file and proves it."""


@dataclass(slots=True)
class Verified:
    """What was read back and found equal."""

    rows: int = 0
    cells: int = 0
    """Those that are not empty."""
    checksums: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)
    """By file number and sheet title: SHA-256, in hex, by column key."""

    def told(self) -> dict[str, Any]:
        """For the manifest, whose sheets have the checksums."""
        return {"reader": reader_name(), "rows": self.rows, "cells": self.cells}


def verify(
    job: ExportJob, files: Sequence[ExportFile], rows: Rows, beat: Callable[[], None]
) -> Verified:
    """Compare every cell of `files`, in the order of the export, with the shards' rows.

    Memory is bounded, whatever the size. Raises VerificationFailed naming the first cell or count
    that differs, or a file that cannot be read at all, and what `rows` and `beat` raise.
    """
    wanted = Wanted(_batches(job, rows))
    verified = Verified()
    for sheet in _sheets(Book.of(job), files):
        for texts in sheet.read(beat):
            _require_same(texts, wanted.take(len(texts[0]), sheet), sheet)
        if wanted.has_more(sheet):
            raise sheet.failed(
                _("it ends after {rows} rows, and there are more.").format(rows=sheet.done)
            )
        verified.rows += sheet.done
        verified.cells += sheet.cells
        verified.checksums[sheet.file.number, sheet.title] = sheet.checksums()
    return verified


def compare_checksums(
    job: ExportJob,
    files: Sequence[ExportFile],
    number: int,
    known: dict[str, dict[str, str]] | None,
) -> None:
    """Count the rows of one of `files` as a reader sees them; compare columns of known checksums.

    `known` is by sheet title and column key. Raises as `verify` does.
    """
    for sheet in _sheets(Book.of(job), files):
        if sheet.file.number != number:
            continue
        for _slice in sheet.read(lambda: None):
            pass
        for key, checksum in sheet.checksums().items():
            if known and known[sheet.title][key] != checksum:
                raise sheet.failed(
                    _("the column '{column}' is not what it was.").format(column=key)
                )


class Sheet:
    """One sheet of a finished file on its way through the reader."""

    def __init__(self, file: ExportFile, title: str, rows: int, part: int, page: Page) -> None:
        self.file, self.title, self.rows, self.page = file, title, rows, page
        self.part = part
        """Which of the export's sheets it is of."""
        self.is_last = True
        """Whether that one does not go on after it."""
        self.done = self.cells = 0
        self._digests = [hashlib.sha256() for _ in page.cells]

    def __str__(self) -> str:
        return _("{file}, sheet '{sheet}'").format(file=self.file.filename, sheet=self.title)

    def read(self, beat: Callable[[], None]) -> Iterator[Texts]:
        """The texts of its data rows by slices. Raises VerificationFailed for their number."""
        try:
            for rows in self._data_rows():
                beat()
                if self.done + len(rows) > self.rows:
                    raise self.failed(_("it has more than {rows} rows.").format(rows=self.rows))
                texts = _texts(rows, self.page.cells)
                yield texts
                self._add(texts)
                self.done += len(rows)
        except FileDamaged as error:
            raise self.failed(str(error)) from error
        if self.done != self.rows:
            raise self.failed(
                _("it has {rows} of {total} rows.").format(rows=self.done, total=self.rows)
            )

    def failed(self, message: str) -> VerificationFailed:
        return VerificationFailed(f"{self}: {message}", self.file.number)

    def checksums(self) -> dict[str, str]:
        """SHA-256, in hex, by column key."""
        pairs = zip(self.page.specs, self._digests, strict=True)
        return {spec.key: digest.hexdigest() for spec, digest in pairs}

    def title_of(self, column: int) -> str:
        return self.page.columns[column].title

    def _data_rows(self) -> Iterator[Cells]:
        headers = HEADER_ROWS
        for cells in read_sheet(local_path(self.file.path), self.title, len(self.page.cells)):
            if len(cells) > headers:
                yield cells[headers:]
            headers = max(0, headers - len(cells))

    def _add(self, texts: Texts) -> None:
        for digest, column in zip(self._digests, texts, strict=True):
            digest.update("".join(f"{text}\0" for text in column).encode())
            self.cells += len(column) - column.count("")


class Wanted:
    """The canonical texts of the rows that were read, as many at a time as are asked for."""

    def __init__(self, batches: Iterator[tuple[int, pa.RecordBatch]]) -> None:
        """`batches` are those of each sheet of the export, by its number."""
        self._batches = batches
        self._waiting: tuple[int, pa.RecordBatch] | None = None

    def take(self, rows: int, sheet: Sheet) -> Texts:
        """The next `rows` rows of `sheet`; fewer where there are no more of it."""
        columns = sheet.page.cells
        texts: Texts = [[] for _ in columns]
        while rows and (batch := self._next(sheet)):
            head, rest = batch.slice(0, rows), batch.slice(rows)
            self._waiting = (sheet.part, rest) if rest.num_rows else None
            rows -= head.num_rows
            for column, array, spec in zip(texts, head.columns, columns, strict=True):
                column += expected(array, spec)
        return texts

    def has_more(self, sheet: Sheet) -> bool:
        """Whether rows are left that belong nowhere but on `sheet`."""
        return sheet.is_last and self._next(sheet) is not None

    def _next(self, sheet: Sheet) -> pa.RecordBatch | None:
        self._waiting = self._waiting or next(self._batches, None)
        if self._waiting is None or self._waiting[0] != sheet.part:
            return None
        return self._waiting[1]


def _sheets(book: Book, files: Iterable[ExportFile]) -> Iterator[Sheet]:
    """The sheets of the files, which are those of the layout in its order."""
    number = 0
    last = len(book.layout.sheets) - 1
    for file in files:
        for title, rows in file.sheets:
            part = book.layout.part(number)
            sheet = Sheet(file, title, rows, part, book.pages[part])
            sheet.is_last = number == last or book.layout.part(number + 1) != part
            yield sheet
            number += 1


def _batches(job: ExportJob, rows: Rows) -> Iterator[tuple[int, pa.RecordBatch]]:
    for shard in ExportShard.objects.filter(job=job).order_by("number"):
        with rows(shard) as source:
            for batch in SpoolReader(source).batches():
                if batch.num_rows:
                    yield shard.sheet, batch


def _texts(rows: Cells, columns: Sequence[CellColumn]) -> Texts:
    across = zip(*rows, strict=True)
    return [found(values, column) for values, column in zip(across, columns, strict=True)]


def _require_same(texts: Texts, wanted: Texts, sheet: Sheet) -> None:
    for position, (column, right) in enumerate(zip(texts, wanted, strict=True)):
        if column == right:
            continue
        if len(right) < len(column):
            raise sheet.failed(_("it has more rows than were read."))
        pairs = enumerate(zip(column, right, strict=True))
        index, (is_there, belongs) = next(islice((p for p in pairs if p[1][0] != p[1][1]), 1))
        raise sheet.failed(
            _("row {row}, column '{column}' is {value} instead of {right}.").format(
                row=sheet.done + index + 1 + HEADER_ROWS,
                column=sheet.title_of(position),
                value=_quoted(is_there),
                right=_quoted(belongs),
            )
        )


def _quoted(text: str) -> str:
    return repr(text if len(text) <= QUOTED else f"{text[:QUOTED]}…")
