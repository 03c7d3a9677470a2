"""Messages of PostgreSQL's protocol, found in many bytes at once.

Source: PostgreSQL documentation, "Frontend/Backend Protocol" (version 3): "COPY Operations",
"Message Formats", "Error and Notice Message Fields"; COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from typing import Any, Final, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

HEADER: Final = struct.Struct("!ci")
"""Type, and length without the type."""
COPY_DATA: Final = b"d"

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
TRAILER: Final = b"\xff\xff"
_FILE_HEADER: Final = struct.Struct("!11sii")
"""Signature, flags and the length of what follows them."""


class ServerError(Exception):
    """What the server says instead of rows."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def before_record(buffer: bytearray, start: int, size: int) -> int | None:
    """Bytes of a message of binary data that are none of its record's; None where it has none.

    The first message begins with the header of the format, the last one has its trailer alone.
    """
    before, begin, end = 0, start + HEADER.size, start + size
    if buffer.startswith(SIGNATURE, begin, end):
        extension: int = _FILE_HEADER.unpack_from(buffer, begin)[2]
        before = _FILE_HEADER.size + extension
    rest = buffer[begin + before : min(end, begin + before + len(TRAILER))]
    return None if not rest or rest == TRAILER else before


def where_one_ends(starts: Array, ends: Array) -> Array:
    """Which of some beginnings, from the first one on, are where another's message ends."""
    marks = np.zeros(int(starts[-1]) + 1, np.bool_)
    marks[ends[ends < len(marks)]] = True
    marks[starts[0]] = True
    known: Array = marks[starts]
    return known


def of_tuples(data: Array, fields: int) -> Array:
    """Where a header of CopyData may begin: the number of fields follows it, in two bytes."""
    high, low = divmod(fields, 256)
    # To find a byte takes longer than to compare a whole block: the fewer are left the better.
    likely = data[HEADER.size + 1 :] == low
    likely &= data[: len(likely)] == ord(COPY_DATA)
    before = np.flatnonzero(likely)
    found: Array = before[(data[before + HEADER.size] == high) & (data[before + 1] == 0)]
    return found


def of_texts(data: Array) -> Array:
    """Where a header of CopyData may begin: text has no zero bytes, a short length has."""
    after = np.flatnonzero(data[: len(data) - 3] == 0)
    after = after[after > 0]
    before: Array = after[data[after - 1] == ord(COPY_DATA)] - 1
    return before


def lengths(data: Any, starts: Array) -> Array:
    """The lengths in the headers at `starts`: four bytes, the highest first, itself included."""
    return everywhere(data, ">i4", 1)[starts].astype(np.int64)


def everywhere(data: Any, kind: str, offset: int) -> Array:
    """What begins at each byte of `data` from `offset` on, overlapping, without a copy."""
    dtype = np.dtype(kind)
    count = memoryview(data).nbytes - offset - dtype.itemsize + 1
    return np.ndarray((count,), dtype, data, offset, (1,))


def server_error(body: bytes) -> ServerError:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", "unknown error"))
