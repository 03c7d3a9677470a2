"""Digests of files: whether one is still what it was when the database was told of it.

SHA-256 for what people receive and compare. Files that only we read again, twice for each row of
an export, are known by XXH3 of 128 bits: as sure against a disk that is wrong, at several times the
speed. Neither is there against somebody who may write to the folder.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, Self, cast

from xxhash import xxh3_128

from exportapp.xlsx.deflate import crc32

BLOCK: Final = 2**18
"""Bytes of a file that are held while it is read through."""

_XXH3_DIGITS: Final = 2 * xxh3_128().digest_size


Beat = Callable[[], object]
"""Called after each block; what it raises ends the reading."""


def silent() -> None:
    """Where nobody has to be told, and nobody says stop."""


def xxh3(file: BinaryIO, beat: Beat = silent) -> str:
    """XXH3 of 128 bits, in hex. The file stands at its begin afterwards."""
    digest = xxh3_128()
    for block in _blocks(file, beat):
        digest.update(block)
    return digest.hexdigest()


def sha256_and_crc32(file: BinaryIO, beat: Beat = silent) -> tuple[str, int]:
    """SHA-256 in hex and CRC-32, in one reading. The file stands at its begin afterwards."""
    sha256, crc = hashlib.sha256(), 0
    for block in _blocks(file, beat):
        sha256.update(block)
        crc = crc32(block, crc)
    return sha256.hexdigest(), crc


def has_digest(file: BinaryIO, digest: str, beat: Beat = silent) -> bool:
    """Whether `digest` is that of the file; its length says which of the two it is."""
    if len(digest) == _XXH3_DIGITS:
        return digest == xxh3(file, beat)
    return digest == sha256_and_crc32(file, beat)[0]


def _blocks(file: BinaryIO, beat: Beat) -> Iterator[memoryview]:
    """All of the file, in a buffer that the next block overwrites."""
    buffer = memoryview(bytearray(BLOCK))
    file.seek(0)
    while size := cast(Any, file).readinto(buffer):
        yield buffer[:size]
        beat()
    file.seek(0)


class Following:
    """SHA-256 and CRC-32 of a file that is still being written, taken behind its writer.

    A context, at whose end nobody reads any more.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._number = file.fileno()
        self._sha256, self._crc = hashlib.sha256(), 0
        self._said = threading.Condition()
        self._settled = 0
        self._whole = False
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def settle(self, size: int) -> None:
        """So many bytes from the file's beginning are there, and stay as they are."""
        with self._said:
            self._settled = max(self._settled, size)
            self._said.notify()

    def digests(self) -> tuple[str, int]:
        """Of what was settled in all. Raises what kept it from being read, mostly an OSError."""
        self._end()
        if self._failed:
            raise self._failed
        return self._sha256.hexdigest(), self._crc

    def _end(self) -> None:
        with self._said:
            self._whole = True
            self._said.notify()
        self._thread.join()

    def _follow(self) -> None:
        buffer = memoryview(bytearray(BLOCK))
        place = 0
        try:
            while wanted := self._more(place):
                block = buffer[: os.preadv(self._number, [buffer[:wanted]], place)]
                if not block:
                    raise OSError(f"The file ends at byte {place}, before what was written.")
                self._sha256.update(block)
                self._crc = crc32(block, self._crc)
                place += len(block)
        except Exception as error:
            # Digests of a part of the file would be wrong ones.
            self._failed = error

    def _more(self, place: int) -> int:
        """Bytes to read at `place`, once there are any; 0 at the end."""
        with self._said:
            self._said.wait_for(lambda: self._whole or self._settled > place)
            return min(self._settled - place, BLOCK)
