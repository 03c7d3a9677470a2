"""COPY OUT straight from the connection's socket: whole blocks of records, no object per row.

libpq gives COPY data out one row a call; on rows of usual width that call costs more than
parsing them. Here the messages of the server are received by the megabyte and their headers are
found in all rows at once.

Source: PostgreSQL documentation, "Frontend/Backend Protocol" (version 3): "COPY Operations",
"Message Formats", "Error and Notice Message Fields".
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

FRAME: Final = b"0000\t"
"""What each record of a block begins with: a field of its own in the place of a message header.

It is as long as the header, so that nothing has to be moved.
"""

ROOM: Final = 2**20
"""Bytes that are free at least before more is received."""

BLOCK_BYTES: Final = 8 * 2**20
"""What a block has to have to be handed out before it has all of its records."""

FEW_BYTES: Final = 2**16
"""What a call brings when it comes as soon as there is something: the server sends 8 KiB a time."""

GATHER_SECONDS: Final = 0.0005
"""How long more is left to gather then: a quarter of the calls, and of the processes' changes."""

PATIENCE_SECONDS: Final = 0.5
"""How long the server may say nothing before the reader's owner is asked whether to go on."""

_HEADER: Final = struct.Struct("!ci")
_COPY_DATA: Final = b"d"
_IGNORED: Final = frozenset(b"HcCSNA")
"""CopyOutResponse, CopyDone, CommandComplete; and what a server may say at any time:
ParameterStatus, NoticeResponse, NotificationResponse."""


class ServerError(Exception):
    """What the server says instead of rows."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def is_plain_socket(connection: Any) -> bool:
    """Whether the bytes on the socket of psycopg's `connection` are the protocol itself."""
    pgconn = connection.pgconn
    if pgconn.ssl_in_use or pgconn.parameter_status(b"client_encoding") != b"UTF8":
        return False
    if connection.info.host.startswith("/"):
        return True
    # libpq tells nobody whether it encrypts by GSSAPI.
    asked = "SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()"
    return connection.execute(asked).fetchone() in (None, (False,))


@contextmanager
def borrowed(file_number: int) -> Iterator[socket.socket]:
    """The socket behind a connection of libpq, which keeps it."""
    sock = socket.socket(fileno=file_number)
    try:
        # libpq has made it non-blocking; a time-out leaves it so.
        sock.settimeout(PATIENCE_SECONDS)
        yield sock
    finally:
        sock.detach()


class CopyOut:
    """The answer to one `COPY … TO STDOUT (FORMAT text)` in text of UTF-8."""

    def __init__(self, sock: socket.socket, statement: str, waiting: Callable[[], None]) -> None:
        """Ask for it; `waiting` is called about twice a second while nothing comes, and may raise.

        The connection must be idle, without encryption, and used for nothing else until all
        blocks are read; after an error it can only be closed.
        """
        self._sock, self._waiting = sock, waiting
        self._buffer = bytearray(2 * ROOM)
        self._received = 0
        self._complete = 0
        """Bytes of the buffer that are whole messages of data."""
        self._starts: list[Array] = []
        """Where these messages begin."""
        text = statement.encode()
        sock.sendall(_HEADER.pack(b"Q", len(text) + 5) + text + b"\0")

    def blocks(self, records: int) -> Iterator[memoryview]:
        """All records in order, each behind a FRAME; `records` in each block but the last, or fewer
        where they have BLOCK_BYTES and more.

        Raises ServerError, ConnectionError when the server is gone, and what `waiting` raises.
        """
        found = 0
        ended = False
        while not ended:
            ended = self._take_in()
            found = sum(map(len, self._starts))
            while found and (found >= records or self._complete >= BLOCK_BYTES):
                yield self._cut(min(found, records))
                found = sum(map(len, self._starts))
        if found:
            yield self._cut(found)

    def _take_in(self) -> bool:
        """Look through what is there, receive more; True at the end of the answer."""
        while True:
            self._find_data()
            kind, size = self._next_header()
            if kind == b"Z":
                return True
            if not kind or self._received < self._complete + size:
                self._receive(size)
                return False
            self._pass_over(kind, size)

    def _find_data(self) -> None:
        """Add the run of whole CopyData messages from `_complete` on."""
        data = np.frombuffer(self._buffer, np.uint8, self._received)
        starts = _candidates(data[self._complete :]) + self._complete
        if not len(starts) or starts[0] != self._complete:
            return
        ends = starts + 1 + _lengths(data, starts)
        # Only a message that begins where the one before ends is one: a length may look alike.
        broken = np.flatnonzero(starts[1:] != ends[:-1])
        count = int(broken[0]) + 1 if len(broken) else len(starts)
        if ends[count - 1] > self._received:
            count -= 1
        if count:
            self._starts.append(starts[:count])
            self._complete = int(ends[count - 1])

    def _next_header(self) -> tuple[bytes, int]:
        """Type and size in bytes of the message at `_complete`; no type when it is not there."""
        if self._received - self._complete < _HEADER.size:
            return b"", _HEADER.size
        kind, length = _HEADER.unpack_from(self._buffer, self._complete)
        return kind, 1 + length

    def _pass_over(self, kind: bytes, size: int) -> None:
        """Deal with one whole message that is not in a run."""
        start = self._complete
        if kind == _COPY_DATA:
            # Too long for a header with a zero, or one whose length looked like another header.
            self._starts.append(np.array([start]))
            self._complete += size
            return
        body = bytes(self._buffer[start + _HEADER.size : start + size])
        del self._buffer[start : start + size]
        self._received -= size
        if kind == b"E":
            raise _server_error(body)
        if kind[0] not in _IGNORED:
            raise ConnectionError(f"The server answered COPY with a message {kind!r}.")

    def _receive(self, size: int) -> None:
        """Receive something, with room for a message of `size` bytes."""
        free = len(self._buffer) - self._received
        wanted = max(ROOM, size - (self._received - self._complete))
        if free < wanted:
            self._buffer.extend(bytes(wanted - free))
        enough = self._received + max(ROOM // 2, wanted - ROOM)
        with memoryview(self._buffer) as view:
            # The server sends a few rows at a time; looking at each of them would take longer.
            while self._received < enough and not self._seems_over():
                count = self._wait_for(view[self._received :])
                if not count:
                    raise ConnectionError("The server ended the connection in the middle of COPY.")
                self._received += count
                if count < FEW_BYTES and self._received < enough and not self._seems_over():
                    time.sleep(GATHER_SECONDS)

    def _seems_over(self) -> bool:
        return self._buffer.startswith(b"Z\0\0\0\5", max(self._received - 6, 0))

    def _wait_for(self, room: memoryview) -> int:
        while True:
            try:
                return self._sock.recv_into(room)
            except TimeoutError:
                self._waiting()

    def _cut(self, records: int) -> memoryview:
        """Take the first `records` records out of the buffer."""
        starts = np.concatenate(self._starts)
        mine, rest = starts[:records], starts[records:]
        end = int(rest[0]) if len(rest) else self._complete
        size = len(self._buffer)
        # As large as it has grown to, where the next block may need as much.
        block, self._buffer = self._buffer, bytearray(max(2 * ROOM, size - end, min(size, 2 * end)))
        self._buffer[: self._received - end] = memoryview(block)[end : self._received]
        self._received -= end
        self._complete -= end
        self._starts = [rest - end] if len(rest) else []
        _everywhere(block, f"V{len(FRAME)}", 0)[mine] = np.frombuffer(FRAME, f"V{len(FRAME)}")
        return memoryview(block)[:end]


def _candidates(data: Array) -> Array:
    """Where a header of CopyData may begin: text has no zero bytes, a short length has."""
    after = np.flatnonzero(data[: len(data) - 3] == 0)
    after = after[after > 0]
    before: Array = after[data[after - 1] == ord(_COPY_DATA)] - 1
    return before


def _lengths(data: Array, starts: Array) -> Array:
    """The lengths in the headers at `starts`: four bytes, the highest first, itself included."""
    return _everywhere(data, ">i4", 1)[starts].astype(np.int64)


def _everywhere(data: Any, kind: str, offset: int) -> Array:
    """What begins at each byte of `data` from `offset` on, overlapping, without a copy."""
    dtype = np.dtype(kind)
    count = memoryview(data).nbytes - offset - dtype.itemsize + 1
    return np.ndarray((count,), dtype, data, offset, (1,))


def _server_error(body: bytes) -> ServerError:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", "unknown error"))
