"""Runs of rows as finished bytes: DEFLATE pieces that may follow one another in any file.

A piece ends on a full flush, so it starts and ends on a byte and refers to nothing before it.
Pieces end to end are one stream, and their CRCs combine; so a file made of spans is put together
without looking into them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, BinaryIO

from exportapp.xlsx.deflate import FULL_FLUSH, compressobj, crc32, crc32_combine

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece lies in its file and what it holds."""

    offset: int
    """Of its first compressed byte in the file."""
    size: int
    """Compressed bytes."""
    raw_size: int
    """Bytes before compression."""
    crc: int
    """CRC-32 of the bytes before compression."""
    rows: int
    """`<row>` elements in it, or `<si>` of shared strings."""

    def to_json(self) -> list[int]:
        """The numbers in the order of the fields."""
        return list(astuple(self))

    @classmethod
    def from_json(cls, values: Sequence[int]) -> Span:
        """What `to_json` was called on."""
        return cls(*values)


def pressed(data: ReadableBuffer, level: int = 1) -> tuple[BinaryIO, Span]:
    """A file in memory with `data`, which is no rows, as its only span."""
    sink = io.BytesIO()
    writer = SpanWriter(sink, level)
    writer.write(data)
    return sink, writer.end()


def end_to_end(spans: Iterable[Span]) -> Span:
    """What spans are one behind the other, from the offset 0 on."""
    size = raw_size = crc = rows = 0
    for span in spans:
        crc = crc32_combine(crc, span.crc, span.raw_size)
        size += span.size
        raw_size += span.raw_size
        rows += span.rows
    return Span(0, size, raw_size, crc, rows)


class SpanWriter:
    """Compresses what is written to it into one span of `sink`, from where that stands.

    `level` is 0 to 3 with ISA-L, 0 to 9 with zlib.
    """

    def __init__(self, sink: BinaryIO, level: int = 1) -> None:
        self._sink = sink
        self._compressor = compressobj(level)
        self._offset = sink.tell()
        self.size = self.raw_size = self.crc = 0

    def write(self, data: ReadableBuffer) -> None:
        """Add bytes of the sheet's XML."""
        self.raw_size += memoryview(data).nbytes
        self.crc = crc32(data, self.crc)
        self._put(self._compressor.compress(data))

    def end(self, rows: int = 0) -> Span:
        """Flush; the span is complete and the writer is used up."""
        self._put(self._compressor.flush(FULL_FLUSH))
        return Span(self._offset, self.size, self.raw_size, self.crc, rows)

    def _put(self, piece: bytes) -> None:
        self.size += len(piece)
        self._sink.write(piece)
