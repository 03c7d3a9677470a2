"""Bytes on their way to a person: pieces of memory and of files, of which any range can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from exportapp.exceptions import FileDamaged

if TYPE_CHECKING:
    from exportapp.jobs.objects.interface import Objects

BLOCK: Final = 2**18
"""Bytes read in one go, and all that is held of a file."""


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A whole file on disk."""

    path: Path
    size: int
    """In bytes, as it was committed."""

    def __len__(self) -> int:
        return self.size


@dataclass(frozen=True, slots=True)
class ObjectPiece:
    """A whole object in another storage."""

    objects: Objects
    """The storage."""
    name: str
    size: int
    """In bytes, as it was committed."""

    def __len__(self) -> int:
        return self.size


Piece: TypeAlias = "bytes | FilePiece | ObjectPiece"


@dataclass(frozen=True, slots=True)
class Content:
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.pieces))

    @property
    def is_held(self) -> bool:
        """Whether all of it is in memory anyway."""
        return all(isinstance(piece, bytes) for piece in self.pieces)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in blocks; only what is asked for is read.

        Raises FileDamaged in the middle where a file is gone or shorter than it was: what is sent
        then is too short for its Content-Length, and the transfer breaks visibly.
        """
        place = 0
        for piece in self.pieces:
            first, last = max(start - place, 0), min(end - place, len(piece))
            place += len(piece)
            if first < last:
                yield from _read(piece, first, last)


def _read(piece: Piece, first: int, last: int) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece[first:last]
    elif isinstance(piece, FilePiece):
        yield from _of_file(piece, first, last)
    else:
        yield from _of_object(piece, first, last)


def _of_object(piece: ObjectPiece, first: int, last: int) -> Iterator[bytes]:
    for block in piece.objects.read(piece.name, first, last):
        first += len(block)
        yield block
    if first < last:
        raise FileDamaged(f"{piece.name} ends at byte {first} of {piece.size}.")


def _of_file(piece: FilePiece, first: int, last: int) -> Iterator[bytes]:
    try:
        with piece.path.open("rb") as file:
            file.seek(first)
            while first < last:
                block = file.read(min(BLOCK, last - first))
                if not block:
                    raise FileDamaged(f"{piece.path.name} ends at byte {first} of {piece.size}.")
                first += len(block)
                yield block
    except FileNotFoundError as error:
        raise FileDamaged(f"{piece.path.name} is gone.") from error
