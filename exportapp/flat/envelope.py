"""Lines as a file, plain or compressed, put together from pieces that are copied as they are.

gzip (RFC 1952) is a header, one DEFLATE stream, the CRC-32 and the length of what it holds; the
pieces of the stream are the spans that sheets are made of as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from exportapp.xlsx import Span, SpanWriter
from exportapp.xlsx.copying import copy_range
from exportapp.xlsx.deflate import END_OF_STREAM, crc32_combine

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

BOM: Final = b"\xef\xbb\xbf"
"""UTF-8's byte order mark: without it Excel reads a CSV in the code page of its Windows."""

UNKNOWN_SYSTEM: Final = 255


def gzip_head() -> bytes:
    """No name and no time: the same lines make the same file."""
    return struct.pack("<2sBBIBB", b"\x1f\x8b", 8, 0, 0, 0, UNKNOWN_SYSTEM)


def gzip_tail(crc: int, length: int) -> bytes:
    """CRC-32 and length (modulo 2**32) of what is compressed."""
    return struct.pack("<II", crc, length % 2**32)


class Envelope:
    """Writes lines into `out`, a binary file, from where it stands.

    Used as a context manager; without an exception its end closes the stream. `level` as in
    `SpanWriter`; `progress` is told the bytes of each block that a splice copies.
    """

    def __init__(
        self,
        out: BinaryIO,
        *,
        gzip: bool,
        level: int = 1,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self._out = out
        self._gzip = gzip
        self._level = level
        self._progress = progress
        self._crc = self._length = 0

    def __enter__(self) -> Self:
        if self._gzip:
            self._out.write(gzip_head())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._gzip:
            self._out.write(END_OF_STREAM + gzip_tail(self._crc, self._length))

    def lines(self, batches: Iterable[ReadableBuffer], rows: int) -> Span:
        """Write the lines of `rows` rows, taken batch by batch, as one span."""
        if not self._gzip:
            return self._append(self._plain(batches, rows))
        writer = SpanWriter(self._out, self._level)
        for batch in batches:
            writer.write(batch)
        return self._append(writer.end(rows))

    def splice(self, source: BinaryIO, span: Span) -> None:
        """Copy a span of another file as it is."""
        copy_range(source, span.offset, span.size, self._out, self._progress)
        self._append(span)

    def _plain(self, batches: Iterable[ReadableBuffer], rows: int) -> Span:
        start = self._out.tell()
        for batch in batches:
            self._out.write(batch)
        size = self._out.tell() - start
        return Span(start, size, size, 0, rows)

    def _append(self, span: Span) -> Span:
        self._crc = crc32_combine(self._crc, span.crc, span.raw_size)
        self._length += span.raw_size
        return span
