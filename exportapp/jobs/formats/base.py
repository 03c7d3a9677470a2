"""What every format does, and what it is handed for it."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa

from exportapp.exceptions import FileDamaged
from exportapp.jobs.book import Book
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import UNLIMITED, Segment
from exportapp.jobs.options import Options
from exportapp.jobs.spool import SpoolReader
from exportapp.jobs.written import Written
from exportapp.models import ExportShard
from exportapp.xlsx import ColumnFacts, Kind

Progress: TypeAlias = Callable[[int], object]


@dataclass(slots=True)
class Sheet:
    """A sheet of the export and the pieces that make it up, in order."""

    number: int
    rows: int
    pieces: list[tuple[ExportShard, list[Any]]] = field(default_factory=list)
    """Each shard with what `render` returned for its segment on this sheet."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the merge needs to know of a shard's file, as JSON."""

    pieces: list[list[Any]]
    """Of each segment, its number of rows last."""
    also: dict[str, Any] = field(default_factory=dict)
    """Of the shard as a whole."""


@dataclass(frozen=True, slots=True)
class Format(abc.ABC):
    options: Options

    @property
    @abc.abstractmethod
    def content_type(self) -> str:
        """The media type of a finished file."""

    @property
    @abc.abstractmethod
    def extension(self) -> str:
        """Of a shard's file and of the finished one, with its dot."""

    @property
    def sheet_rows(self) -> int:
        """Data rows that one sheet holds."""
        return UNLIMITED

    @property
    def sheet_bytes(self) -> int:
        """Bytes of XML that one sheet holds."""
        return UNLIMITED

    def counted(self, facts: ColumnFacts) -> dict[str, int]:
        """By code of an issue: values of a column that this kind of file cannot hold whole."""
        return {}

    def losses(self, array: pa.Array, kind: Kind) -> Iterator[tuple[str, list[int]]]:
        """The same with the positions of the values in a batch."""
        return iter(())

    @abc.abstractmethod
    def render(
        self,
        book: Book,
        segments: Sequence[Segment],
        source: SpoolReader,
        out: BinaryIO,
        shard: int,
        progress: Progress,
    ) -> Rendered:
        """Make the Arrow file of a shard, `source`, into finished bytes; the same every time.

        `shard` is its number in the export, counted from 1. `progress` is told the rows that are
        done, and may raise.
        """

    def files(self, book: Book, sheets: Sequence[Sheet]) -> list[list[Sheet]]:
        """Which sheets go into the same file."""
        return [[sheet] for sheet in sheets]

    def needed(self, sheets: Sequence[Sheet]) -> list[ExportShard]:
        """Whose files `merge` takes for a file of these sheets, in its order."""
        return [shard for sheet in sheets for shard, _ in sheet.pieces]

    @abc.abstractmethod
    def merge(
        self,
        book: Book,
        sheets: Sequence[Sheet],
        out: Written,
        sources: Iterator[BinaryIO],
        beat: Heartbeat,
    ) -> None:
        """Write one file of these sheets; `sources` are the files of those that are needed,
        each open until the next one is taken.

        It is read from its beginning while it is written, if `out` is told how far.
        """


def batches_of(
    source: SpoolReader, segment: Segment, progress: Progress
) -> Iterator[pa.RecordBatch]:
    """The batches of the Arrow file, cut to the rows of `segment`.

    Raises FileDamaged when the file holds fewer rows than it was committed with.
    """
    done = 0
    for batch in _cut(source, segment):
        yield batch
        done += batch.num_rows
        progress(segment.offset + done)
    if done != segment.rows:
        raise FileDamaged(f"{done} of {segment.rows} rows are in the file.")


def _cut(source: SpoolReader, segment: Segment) -> Iterator[pa.RecordBatch]:
    low, high = segment.offset, segment.offset + segment.rows
    start = 0
    for batch in source.batches():
        begin, end = max(low - start, 0), min(high - start, batch.num_rows)
        if begin < end:
            yield batch.slice(begin, end - begin)
        start += batch.num_rows
        if start >= high:
            return
