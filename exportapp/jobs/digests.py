"""Digests of files: whether one is still what it was when the database was told of it.

SHA-256 for what people receive and compare. Files that only we read again, twice for each row of
an export, are known by XXH3 of 128 bits: as sure against a disk that is wrong, at several times the
speed. Neither is there against somebody who may write to the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, cast

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
