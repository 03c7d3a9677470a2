"""The records of a zip without zip64 (PKZIP APPNOTE 4.3).

Excel and LibreOffice refuse files with needless zip64 records, so there are none. Sizes and CRC
stand in the local header; only what is sent while it is made has them in a data descriptor
behind the data, because some readers know no descriptors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 20
"""APPNOTE 4.4.3.2: 2.0, the first that deflates."""

FLAGS: Final = 0
"""APPNOTE 4.4.4: no encryption, no data descriptor, names in ASCII."""

DESCRIBED: Final = 1 << 3
"""APPNOTE 4.4.4, bit 3: CRC and sizes are zero in the local header and follow the data."""

DEFLATED: Final = 8
"""APPNOTE 4.4.5."""

MIDNIGHT: Final = 0
FIRST_DAY: Final = (1980 - 1980) << 9 | 1 << 5 | 1
"""APPNOTE 4.4.6: 1980-01-01 00:00 in MS-DOS format, as Excel writes; the same bytes every time."""

PATCHED_AT: Final = 14
"""Where in the local header CRC and sizes stand."""

LOCAL: Final = struct.Struct("<4s5H3L2H")
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
END: Final = struct.Struct("<4s4H2LH")
_SIZES: Final = struct.Struct("<3L")
_DESCRIPTOR: Final = struct.Struct("<4s3L")


@dataclass(slots=True)
class Member:
    """One file of the package."""

    name: bytes
    offset: int
    """Of its local header."""
    crc: int = 0
    size: int = 0
    """Compressed bytes."""
    raw_size: int = 0
    flags: int = FLAGS

    def local_header(self) -> bytes:
        """APPNOTE 4.3.7."""
        header = LOCAL.pack(
            b"PK\x03\x04",  # local file header signature
            VERSION,  # version needed to extract
            self.flags,  # general purpose bit flag
            DEFLATED,  # compression method
            MIDNIGHT,  # last mod file time
            FIRST_DAY,  # last mod file date
            self.crc,  # crc-32
            self.size,  # compressed size
            self.raw_size,  # uncompressed size
            len(self.name),  # file name length
            0,  # extra field length
        )
        return header + self.name

    def sizes(self) -> bytes:
        """What the local header says from `PATCHED_AT` on once the member is complete."""
        return _SIZES.pack(self.crc, self.size, self.raw_size)

    def descriptor(self) -> bytes:
        """APPNOTE 4.3.9: what the local header of a DESCRIBED member could not say."""
        return _DESCRIPTOR.pack(
            b"PK\x07\x08",  # data descriptor signature
            self.crc,  # crc-32
            self.size,  # compressed size
            self.raw_size,  # uncompressed size
        )

    def central_header(self) -> bytes:
        """APPNOTE 4.3.12."""
        header = CENTRAL.pack(
            b"PK\x01\x02",  # central file header signature
            VERSION,  # version made by: 2.0, MS-DOS attributes
            VERSION,  # version needed to extract
            self.flags,  # general purpose bit flag
            DEFLATED,  # compression method
            MIDNIGHT,  # last mod file time
            FIRST_DAY,  # last mod file date
            self.crc,  # crc-32
            self.size,  # compressed size
            self.raw_size,  # uncompressed size
            len(self.name),  # file name length
            0,  # extra field length
            0,  # file comment length
            0,  # disk number start
            0,  # internal file attributes
            0,  # external file attributes
            self.offset,  # relative offset of local header
        )
        return header + self.name


def end_record(members: int, size: int, offset: int) -> bytes:
    """The end of a central directory of `size` bytes at `offset` (APPNOTE 4.3.16)."""
    return END.pack(
        b"PK\x05\x06",  # end of central dir signature
        0,  # number of this disk
        0,  # number of the disk with the start of the central directory
        members,  # entries in the central directory on this disk
        members,  # entries in the central directory
        size,  # size of the central directory
        offset,  # offset of start of central directory
        0,  # .ZIP file comment length
    )
