"""The zip around the parts (ECMA-376 part 2), made of spans.

Every member is a run of flushed pieces and one empty last block; whether a piece is compressed
here or copied from another file makes no difference to the reader.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from exportapp.xlsx.copying import copy_range
from exportapp.xlsx.deflate import END_OF_STREAM, crc32_combine
from exportapp.xlsx.limits import MAX_ZIP_MEMBERS, MAX_ZIP_OFFSET, LimitExceeded, XlsxError
from exportapp.xlsx.spans import Span, SpanWriter, end_to_end
from exportapp.xlsx.zipformat import DESCRIBED, FLAGS, PATCHED_AT, Member, end_record

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MARGIN: Final = 2**20
"""More than a compressor holds back and than incompressible data grows by, in bytes."""


class PackageWriter:
    """Writes an .xlsx into `out`, a binary file, from where it stands at its start.

    Where `out` is not seekable, as an `Outbox`, sizes follow each member in a data descriptor.

    Used as a context manager; without an exception its end writes the central directory, with one
    it leaves a file that no reader takes for whole. `progress` is told the bytes of each block
    of at most 8 MiB that a splice copies, and may raise to interrupt. `level` as in `SpanWriter`.

    Raises LimitExceeded before a member, an offset or the file would need zip64.
    """

    def __init__(
        self,
        out: BinaryIO,
        *,
        progress: Callable[[int], object] | None = None,
        level: int = 1,
    ) -> None:
        self._out = out
        self._progress = progress
        self._level = level
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._close()

    def add(self, name: str, data: ReadableBuffer) -> None:
        """Write one part whole."""
        with self.sheet(name) as part:
            part.write(data)

    @contextmanager
    def sheet(self, name: str, pieces: Sequence[Span] = ()) -> Iterator[PartWriter]:
        """A part that is written piece by piece; its header is settled at the end.

        Where `pieces` tells of all that will be spliced, it is from the beginning: nothing in
        front of where the file stands changes any more. Raises XlsxError for other pieces.
        """
        told = end_to_end(pieces) if pieces else None
        member = self._begin(name, told)
        yield PartWriter(self._out, member, self._level, self._progress)
        self._end(member, told)

    def _begin(self, name: str, told: Span | None) -> Member:
        encoded = name.encode("ascii")
        if any(member.name == encoded for member in self._members):
            raise XlsxError(f"The package has a part '{name}' already.")
        if len(self._members) >= MAX_ZIP_MEMBERS:
            raise LimitExceeded(f"A package holds at most {MAX_ZIP_MEMBERS} parts.")
        flags = FLAGS if told or self._out.seekable() else DESCRIBED
        member = Member(encoded, self._out.tell(), flags=flags)
        self._members.append(member)
        self._out.write((_whole(member, told) if told else member).local_header())
        return member

    def _end(self, member: Member, told: Span | None) -> None:
        self._out.write(END_OF_STREAM)
        member.size += len(END_OF_STREAM)
        if told:
            if member != _whole(member, told):
                raise XlsxError(f"'{member.name.decode()}' has other pieces than it was to have.")
            return
        if member.flags & DESCRIBED:
            self._out.write(member.descriptor())
            return
        end = self._out.tell()
        self._out.seek(member.offset + PATCHED_AT)
        self._out.write(member.sizes())
        self._out.seek(end)

    def _close(self) -> None:
        offset = self._out.tell()
        directory = b"".join(member.central_header() for member in self._members)
        if offset + len(directory) > MAX_ZIP_OFFSET:
            raise LimitExceeded("The package would pass 4 GiB, which Excel does not open.")
        self._out.write(directory + end_record(len(self._members), len(directory), offset))
        self._out.flush()


class Outbox(io.BytesIO):
    """What was written and not yet taken: where a package goes that is sent while it is made."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        """Bytes written in all."""
        return self._taken + super().tell()

    def take(self) -> bytes:
        """The bytes since the last call; they are forgotten here."""
        data = self.getvalue()
        self._taken += len(data)
        super().seek(0)
        self.truncate()
        return data


class PartWriter:
    """The open part of a package; pieces follow one another in the order of the calls."""

    def __init__(
        self,
        out: BinaryIO,
        member: Member,
        level: int,
        progress: Callable[[int], object] | None,
    ) -> None:
        self._out = out
        self._member = member
        self._level = level
        self._progress = progress

    @property
    def raw_size(self) -> int:
        """Bytes of the part before compression, so far."""
        return self._member.raw_size

    def write(self, data: ReadableBuffer) -> None:
        """Compress bytes that are no rows: what stands before and after them."""
        self.rows((data,), 0)

    def rows(self, batches: Iterable[ReadableBuffer], rows: int) -> Span:
        """Compress the XML of `rows` rows, taken batch by batch, into one span.

        The span's offset is that in the package's file. What the iterable raises passes through.
        """
        writer = SpanWriter(self._out, self._level)
        for batch in batches:
            length = memoryview(batch).nbytes
            self._check(writer.size + length + _MARGIN, writer.raw_size + length)
            writer.write(batch)
        span = writer.end(rows)
        self._append(span)
        return span

    def splice(self, source: BinaryIO, span: Span) -> Span:
        """Copy a span of another file as it is: nothing is inflated or compressed.

        Returns the span as it lies in the package's file.
        """
        self._check(span.size + _MARGIN, span.raw_size)
        placed = replace(span, offset=self._out.tell())
        copy_range(source, span.offset, span.size, self._out, self._progress)
        self._append(span)
        return placed

    def _check(self, size: int, raw_size: int) -> None:
        end = self._member.offset + self._member.size + size
        if max(end, self._member.raw_size + raw_size) > MAX_ZIP_OFFSET:
            raise _too_large(self._member)

    def _append(self, span: Span) -> None:
        member = self._member
        member.crc = crc32_combine(member.crc, span.crc, span.raw_size)
        member.size += span.size
        member.raw_size += span.raw_size


def _whole(member: Member, pieces: Span) -> Member:
    """The member with all of its pieces. Raises LimitExceeded where they are too much."""
    if max(member.offset + pieces.size + _MARGIN, pieces.raw_size) > MAX_ZIP_OFFSET:
        raise _too_large(member)
    size = pieces.size + len(END_OF_STREAM)
    return replace(member, crc=pieces.crc, size=size, raw_size=pieces.raw_size)


def _too_large(member: Member) -> LimitExceeded:
    name = member.name.decode()
    return LimitExceeded(f"'{name}' would pass 4 GiB, which Excel opens in no package.")
