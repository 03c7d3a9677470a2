"""Several files as one zip that nobody writes: each of its bytes is known before it is sent.

Members are stored as they are, since they are compressed already. With size and CRC-32 of each
known, headers stand where they belong, nothing is read twice, and a download can be resumed at
any byte. Unlike an .xlsx this is a zip like any other: zip64 where 32 bits are too few, and only
there (PKZIP APPNOTE 4.3.14, 4.5.3).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exportapp.jobs.content import Content, Piece
from exportapp.xlsx.zipformat import CENTRAL, END, LOCAL

MOST: Final = 0xFFFF_FFFE
"""The last 32-bit size or offset; 0xFFFFFFFF means "look in the zip64 record" (APPNOTE 4.4.1.4)."""

MOST_MEMBERS: Final = 0xFFFE
"""The last 16-bit count of members, likewise."""

ELSEWHERE: Final = 0xFFFF_FFFF
ELSEWHERE_SHORT: Final = 0xFFFF

VERSION: Final = 20
VERSION_ZIP64: Final = 45
"""APPNOTE 4.4.3.2."""

UTF_8: Final = 1 << 11
"""APPNOTE 4.4.4, bit 11: the name is in UTF-8."""

STORED: Final = 0
"""APPNOTE 4.4.5."""

_END_ZIP64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of the archive."""

    name: str
    crc32: int
    content: Piece

    @property
    def size(self) -> int:
        return len(self.content)


def archive(members: Sequence[Member], at: datetime) -> Content:
    """The zip of these files, all dated `at` by its own clock (1980 to 2107).

    Equal members and an equal date give equal bytes.
    """
    pieces: list[Piece] = []
    directory: list[bytes] = []
    offset = 0
    for member in members:
        header = _local_header(member, at)
        directory.append(_central_header(member, at, offset))
        pieces += [header, member.content]
        offset += len(header) + member.size
    size = sum(map(len, directory))
    pieces.append(b"".join([*directory, _end(len(members), size, offset)]))
    return Content(tuple(pieces))


def _local_header(member: Member, at: datetime) -> bytes:
    """APPNOTE 4.3.7."""
    sizes = (member.size, member.size) if member.size > MOST else ()
    return LOCAL.pack(
        b"PK\x03\x04",  # local file header signature
        *_described(member, at, extended=bool(sizes)),
        *_name_and_extra(member, sizes),
    ) + _behind(member, sizes)


def _central_header(member: Member, at: datetime, offset: int) -> bytes:
    """APPNOTE 4.3.12."""
    # In this order, and only those that do not fit (APPNOTE 4.5.3).
    sizes = (member.size, member.size) if member.size > MOST else ()
    extended = (*sizes, *([offset] if offset > MOST else ()))
    version = VERSION_ZIP64 if extended else VERSION
    return CENTRAL.pack(
        b"PK\x01\x02",  # central file header signature
        version,  # version made by, MS-DOS attributes
        *_described(member, at, extended=bool(extended)),
        *_name_and_extra(member, extended),
        0,  # file comment length
        0,  # disk number start
        0,  # internal file attributes
        0,  # external file attributes
        ELSEWHERE if offset > MOST else offset,  # relative offset of local header
    ) + _behind(member, extended)


def _described(member: Member, at: datetime, *, extended: bool) -> tuple[int, ...]:
    """What local and central header have in common, up to the sizes."""
    size = ELSEWHERE if member.size > MOST else member.size
    return (
        VERSION_ZIP64 if extended else VERSION,  # version needed to extract
        0 if member.name.isascii() else UTF_8,  # general purpose bit flag
        STORED,  # compression method
        at.hour << 11 | at.minute << 5 | at.second // 2,  # last mod file time (APPNOTE 4.4.6)
        (at.year - 1980) << 9 | at.month << 5 | at.day,  # last mod file date
        member.crc32,  # crc-32
        size,  # compressed size
        size,  # uncompressed size
    )


def _name_and_extra(member: Member, extended: Sequence[int]) -> tuple[int, int]:
    return (
        len(member.name.encode()),  # file name length
        len(_zip64(extended)),  # extra field length
    )


def _behind(member: Member, extended: Sequence[int]) -> bytes:
    return member.name.encode() + _zip64(extended)


def _zip64(extended: Sequence[int]) -> bytes:
    """The extended information field of what did not fit; nothing where all did (APPNOTE 4.5.3)."""
    if not extended:
        return b""
    return struct.pack(f"<2H{len(extended)}Q", 0x0001, 8 * len(extended), *extended)


def _end(members: int, size: int, offset: int) -> bytes:
    """The end of a central directory of `size` bytes at `offset` (APPNOTE 4.3.14 to 4.3.16)."""
    count = members if members <= MOST_MEMBERS else ELSEWHERE_SHORT
    large = count != members or max(size, offset) > MOST
    end = END.pack(
        b"PK\x05\x06",  # end of central dir signature
        0,  # number of this disk
        0,  # number of the disk with the start of the central directory
        count,  # entries in the central directory on this disk
        count,  # entries in the central directory
        min(size, ELSEWHERE),  # size of the central directory
        min(offset, ELSEWHERE),  # offset of start of central directory
        0,  # .ZIP file comment length
    )
    return _end_zip64(members, size, offset) + end if large else end


def _end_zip64(members: int, size: int, offset: int) -> bytes:
    record = _END_ZIP64.pack(
        b"PK\x06\x06",  # zip64 end of central dir signature
        _END_ZIP64.size - 12,  # size of this record behind this field
        VERSION_ZIP64,  # version made by
        VERSION_ZIP64,  # version needed to extract
        0,  # number of this disk
        0,  # number of the disk with the start of the central directory
        members,  # entries in the central directory on this disk
        members,  # entries in the central directory
        size,  # size of the central directory
        offset,  # offset of start of central directory
    )
    locator = _LOCATOR.pack(
        b"PK\x06\x07",  # zip64 end of central dir locator signature
        0,  # number of the disk with the zip64 end of central directory
        offset + size,  # offset of the zip64 end of central directory record
        1,  # number of disks
    )
    return record + locator
