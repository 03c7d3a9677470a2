"""COPY OUT straight from the connection's socket: whole blocks of records, no object per row.

libpq gives COPY data out one row a call; on rows of usual width that call costs more than
parsing them. Here the messages of the server are received by the megabyte and their headers are
found in all rows at once, in COPY's text format and in its binary one.

Source: PostgreSQL documentation, "Frontend/Backend Protocol" (version 3): "COPY Operations",
"Message Formats", "Error and Notice Message Fields".
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np

from exportapp.tables.messages import (
    COPY_DATA,
    HEADER,
    Array,
    before_record,
    lengths,
    of_texts,
    of_tuples,
    server_error,
    where_one_ends,
)

ROOM: Final = 2**20
"""Bytes that are free at least before more is received."""

BLOCK_BYTES: Final = 8 * 2**20
"""What a block has to have to be handed out before it has all of its records."""

FEW_BYTES: Final = 2**16
"""What a call brings when it comes as soon as there is something: the server sends 8 KiB a time."""

GATHER_SECONDS: Final = 0.0005
"""How long more is left to gather then: a quarter of the calls, and of the processes' changes."""

SLACK: Final = 16
"""Bytes behind a block that may be read, whatever they are: who looks at a value of few bytes may
look at a word."""

PATIENCE_SECONDS: Final = 0.5
"""How long the server may say nothing before the reader's owner is asked whether to go on."""

_IGNORED: Final = frozenset(b"HcCSNA")
"""CopyOutResponse, CopyDone, CommandComplete; and what a server may say at any time:
ParameterStatus, NoticeResponse, NotificationResponse."""


class Block(NamedTuple):
    """Some records, in order, each behind the header of its message."""

    data: memoryview
    starts: Array
    """Where these headers begin in it; not all between them has to be of a record."""


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
    """The answer to one `COPY … TO STDOUT`, in text of UTF-8 or binary."""

    def __init__(
        self,
        sock: socket.socket,
        statement: str,
        waiting: Callable[[], None],
        fields: int | None = None,
    ) -> None:
        """Ask for it; `waiting` is called about twice a second while nothing comes, and may raise.

        The statement is for the text format, or for the binary one with so many `fields`. The
        connection must be idle, without encryption, and used for nothing else until all blocks
        are read; after an error it can only be closed.
        """
        self._sock, self._waiting, self._fields = sock, waiting, fields
        self._buffer = bytearray(2 * ROOM)
        self._received = 0
        self._complete = 0
        """Bytes of the buffer that are whole messages of data."""
        self._starts: list[Array] = []
        """Where these messages begin."""
        self._cut_off = 0
        """Bytes of the block that is handed out."""
        text = statement.encode()
        sock.sendall(HEADER.pack(b"Q", len(text) + 5) + text + b"\0")

    def blocks(self, records: int) -> Iterator[Block]:
        """All records in order; `records` in each block but the last, or fewer where they have
        BLOCK_BYTES and more. The memory of a block that is released by then is the next one's.

        Raises ServerError, ConnectionError when the server is gone, and what `waiting` raises.
        """
        ended = False
        while not ended:
            ended = self._take_in()
            found = sum(map(len, self._starts))
            while found and (found >= records or self._complete >= BLOCK_BYTES or ended):
                yield self._cut(min(found, records))
                self._drop()
                found = sum(map(len, self._starts))

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
        some = data[self._complete :]
        starts = of_texts(some) if self._fields is None else of_tuples(some, self._fields)
        starts += self._complete
        if not len(starts) or starts[0] != self._complete:
            return
        ends = starts + 1 + lengths(data, starts)
        # Only a message that begins where the one before ends is one: a length may look alike.
        broken = np.flatnonzero(starts[1:] != ends[:-1])
        if len(broken):
            known = where_one_ends(starts, ends)
            starts, ends = starts[known], ends[known]
            broken = np.flatnonzero(starts[1:] != ends[:-1])
        count = int(broken[0]) + 1 if len(broken) else len(starts)
        if ends[count - 1] > self._received:
            count -= 1
        if count:
            self._starts.append(starts[:count])
            self._complete = int(ends[count - 1])

    def _next_header(self) -> tuple[bytes, int]:
        """Type and size in bytes of the message at `_complete`; no type when it is not there."""
        if self._received - self._complete < HEADER.size:
            return b"", HEADER.size
        kind, length = HEADER.unpack_from(self._buffer, self._complete)
        return kind, 1 + length

    def _pass_over(self, kind: bytes, size: int) -> None:
        """Deal with one whole message that is not in a run."""
        start = self._complete
        if kind == COPY_DATA:
            # Too long for a header with a zero, or one whose length looked like another header.
            binary = self._fields is not None
            skipped = before_record(self._buffer, start, size) if binary else 0
            if skipped is not None:
                self._starts.append(np.array([start + skipped]))
            if skipped:
                # The end of what is before the record becomes the header of its message.
                HEADER.pack_into(self._buffer, start + skipped, COPY_DATA, size - 1 - skipped)
            self._complete += size
            return
        body = bytes(self._buffer[start + HEADER.size : start + size])
        del self._buffer[start : start + size]
        self._received -= size
        if kind == b"E":
            raise server_error(body)
        if kind[0] not in _IGNORED:
            raise ConnectionError(f"The server answered COPY with a message {kind!r}.")

    def _receive(self, size: int) -> None:
        """Receive something, with room for a message of `size` bytes."""
        free = len(self._buffer) - SLACK - self._received
        wanted = max(ROOM, size - (self._received - self._complete))
        if free < wanted:
            self._buffer.extend(bytes(wanted - free))
        enough = self._received + max(ROOM // 2, wanted - ROOM)
        with memoryview(self._buffer) as view:
            # The server sends a few rows at a time; looking at each of them would take longer.
            while self._received < enough and not self._seems_over():
                count = self._wait_for(view[self._received : -SLACK])
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

    def _cut(self, records: int) -> Block:
        """The first `records` records of the buffer."""
        starts = np.concatenate(self._starts)
        mine, rest = starts[:records], starts[records:]
        self._starts = [rest] if len(rest) else []
        self._cut_off = int(rest[0]) if len(rest) else self._complete
        return Block(memoryview(self._buffer)[: self._cut_off + SLACK], mine)

    def _drop(self) -> None:
        """Forget the block that was handed out."""
        before, end = self._buffer, self._cut_off
        left = self._received - end
        if _is_looked_at(before):
            # As large as it has grown to, where the next block may need as much.
            self._buffer = bytearray(max(2 * ROOM, len(before) - end, min(len(before), 2 * end)))
        # Unlike slices of a bytearray, numpy's may overlap.
        moved = np.frombuffer(before, np.uint8)[end : self._received]
        np.frombuffer(self._buffer, np.uint8)[:left] = moved
        self._received, self._complete = left, self._complete - end
        self._starts = [starts - end for starts in self._starts]


def _is_looked_at(buffer: bytearray) -> bool:
    """Whether there is a view of it: Python refuses then to change its size."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return True
    return False
