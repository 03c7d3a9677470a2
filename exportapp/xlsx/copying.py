"""Bytes from file to file without passing through the process, where the system can."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Final, TypeAlias

from exportapp.xlsx.limits import XlsxError

BLOCK: Final = 8 * 2**20
"""Bytes copied between two calls of `progress`."""

_Copy: TypeAlias = Callable[[int, int, int], int]
"""(source offset, target offset, bytes wanted) -> bytes copied."""


def copy_range(
    source: BinaryIO,
    offset: int,
    size: int,
    target: BinaryIO,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Copy `size` bytes at `offset` of `source` to where `target` stands, and leave it behind them.

    `progress` is told the bytes of each block of at most 8 MiB; what it raises ends the copy.
    Raises XlsxError where the source ends too early.
    """
    target.flush()
    position, end = offset, offset + size
    start = target.tell()
    ways = _ways(source, target)
    while position < end:
        copied = _copy_block(ways, position, start + position - offset, min(BLOCK, end - position))
        if not copied:
            raise XlsxError(f"The source ends at byte {position}, {end - position} bytes early.")
        position += copied
        if progress:
            progress(copied)
    target.seek(start + size)


def _copy_block(ways: list[_Copy], position: int, place: int, wanted: int) -> int:
    # Which calls work depends on the file systems and the kernel; what fails is not tried again.
    while len(ways) > 1:
        with suppress(OSError):
            return ways[0](position, place, wanted)
        del ways[0]
    return ways[0](position, place, wanted)


def _ways(source: BinaryIO, target: BinaryIO) -> list[_Copy]:
    """The fastest first, the one that always works last."""

    def through_memory(position: int, place: int, wanted: int) -> int:
        source.seek(position)
        target.seek(place)
        return target.write(source.read(wanted))

    try:
        reading, writing = source.fileno(), target.fileno()
    except (OSError, AttributeError):
        return [through_memory]

    def in_kernel(position: int, place: int, wanted: int) -> int:
        return os.copy_file_range(reading, writing, wanted, position, place)

    def by_sendfile(position: int, place: int, wanted: int) -> int:
        os.lseek(writing, place, os.SEEK_SET)
        return os.sendfile(writing, reading, position, wanted)

    return [in_kernel, by_sendfile, through_memory]
