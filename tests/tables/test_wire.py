"""The protocol's reader against a server that says whatever a server may say."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exportapp.tables import messages, wire

TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40)
LOOKS_LIKE_A_HEADER = "x" * (0x6400 - 4 - 1)
"""With its line feed the row's length is 0x6400, so "d" and a zero stand in its header."""

NOTICE = ("N", b"SNOTICE\0C00000\0Mhello\0\0")
STATUS = ("S", b"application_name\0d\0")
ROW_ENDS = b"\n"
Messages = Iterable[tuple[str, bytes]]


def message(kind: str, body: bytes) -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def data(*rows: str) -> list[tuple[str, bytes]]:
    return [("d", row.encode() + ROW_ENDS) for row in rows]


def answer(*said: tuple[str, bytes]) -> bytes:
    whole = [("H", b"\0\0\0"), *said, ("c", b""), ("C", b"COPY 1\0"), ("Z", b"I")]
    return b"".join(message(kind, body) for kind, body in whole)


@contextmanager
def server(
    said: bytes, pieces: Sequence[int] = (), *, hang_up: bool = False
) -> Iterator[socket.socket]:
    """The client's end; the other says `said`, cut into `pieces` bytes at a time."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def speak() -> None:
        theirs.recv(1000)
        rest = memoryview(said)
        sizes = iter(pieces)
        while rest:
            size = next(sizes, len(rest))
            theirs.sendall(rest[:size])
            rest = rest[size:]
        if hang_up:
            theirs.close()

    speaker = threading.Thread(target=speak)
    speaker.start()
    with closing(ours), closing(theirs), wire.borrowed(ours.fileno()) as borrowed:
        yield borrowed
        speaker.join(60)


def rows_of(sock: socket.socket, records: int, *, release: bool = False) -> list[list[str]]:
    """The rows of each block, without their frames."""
    found = []
    for block in wire.CopyOut(sock, "COPY x TO STDOUT (FORMAT text)", lambda: None).blocks(records):
        found.append([body.decode().removesuffix("\n") for body in bodies(block)])
        if release:
            block.data.release()
    return found


def bodies(block: wire.Block) -> list[bytes]:
    """The bytes of each record."""
    found = []
    for start in block.starts:
        kind, length = messages.HEADER.unpack_from(block.data, start)
        begin = int(start) + messages.HEADER.size
        found.append(bytes(block.data[begin : begin + length - 4]))
    return found


@settings(max_examples=150)
@given(
    rows=st.lists(TEXT),
    records=st.integers(1, 7),
    pieces=st.lists(st.integers(1, 50)),
    noise=st.lists(st.sampled_from([NOTICE, STATUS]), max_size=3),
    where=st.integers(0, 30),
    release=st.booleans(),
)
def test_every_row_comes_once_however_the_bytes_arrive(
    rows: list[str],
    records: int,
    pieces: list[int],
    noise: list[tuple[str, bytes]],
    where: int,
    release: bool,
) -> None:
    said = data(*rows)
    said[where:where] = noise
    with server(answer(*said), pieces) as sock:
        blocks = rows_of(sock, records, release=release)
    assert [row for block in blocks for row in block] == rows
    assert all(len(block) == records for block in blocks[:-1])


@pytest.mark.parametrize(
    "odd",
    [LOOKS_LIKE_A_HEADER, "y" * 0x640000, "z" * (2**24 + 7), "d" * 300, "", "w" * 65_531],
    ids=["header in header", "6 MiB", "over 16 MiB", "only d", "empty", "64 KiB"],
)
def test_a_row_of_odd_length_is_found_among_others(odd: str) -> None:
    rows = ["first", odd, "dd", odd, odd, "last"]
    with server(answer(*data(*rows))) as sock:
        blocks = rows_of(sock, 2)
    assert [row for block in blocks for row in block] == rows
    assert all(1 <= len(block) <= 2 for block in blocks)


def test_wide_rows_come_fewer_at_a_time() -> None:
    rows = [letter * 2**20 for letter in "abcdefghijklmnopqrst"]
    with server(answer(*data(*rows))) as sock:
        blocks = rows_of(sock, 100)
    assert [row for block in blocks for row in block] == rows
    most = wire.BLOCK_BYTES // 2**20 + 2
    assert len(blocks) >= 2 and all(len(block) <= most for block in blocks)


def test_no_row_is_no_block() -> None:
    with server(answer()) as sock:
        assert rows_of(sock, 5) == []


def test_an_error_in_the_middle_is_raised_with_its_code() -> None:
    error = ("E", b"SERROR\0VERROR\0C57014\0Mcanceling statement\0\0")
    expected = pytest.raises(messages.ServerError, match="canceling statement")
    with server(answer(*data("one", "two"), error)) as sock, expected as caught:
        rows_of(sock, 1)
    assert caught.value.sqlstate == "57014"


@pytest.mark.parametrize("kept", [-9, -20, 30], ids=["no end", "half a row", "the first rows"])
def test_a_server_that_is_gone_is_no_end_of_rows(kept: int) -> None:
    said = answer(*data("one", "two", "three"))[:kept]
    expected = pytest.raises(ConnectionError, match="in the middle of COPY")
    with server(said, hang_up=True) as sock, expected:
        rows_of(sock, 10)


def test_an_answer_of_another_kind_is_refused() -> None:
    with server(answer(("T", b"\0\0"))) as sock, pytest.raises(ConnectionError, match="b'T'"):
        rows_of(sock, 1)


def test_whoever_waits_is_asked_whether_to_go_on() -> None:
    class EnoughError(Exception):
        pass

    def enough() -> None:
        raise EnoughError

    with server(b"") as sock, pytest.raises(EnoughError):
        next(wire.CopyOut(sock, "COPY x TO STDOUT", enough).blocks(1))


FIELDS = 2
PREAMBLE = messages.SIGNATURE + bytes(8)
LOOKS_LIKE_TWO_FIELDS = b"paid", struct.pack("!i", 2 << 16)
"""A text that ends with "d" before the length of a number that begins with 0 and 2."""

VALUES = st.none() | st.binary(max_size=30) | st.just(b"d\0\0\0\7\0\2") | st.just(b"d" * 9)


def record(values: Sequence[bytes | None]) -> bytes:
    fields = (struct.pack("!i", -1 if v is None else len(v)) + (v or b"") for v in values)
    return struct.pack("!h", len(values)) + b"".join(fields)


def binary(rows: Sequence[Sequence[bytes | None]]) -> list[tuple[str, bytes]]:
    """As PostgreSQL says it: the header with what comes first."""
    said = [*map(record, rows), messages.TRAILER]
    return [("d", PREAMBLE + said[0]), *(("d", body) for body in said[1:])]


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES) | st.just(LOOKS_LIKE_TWO_FIELDS), max_size=40),
    records=st.integers(1, 7),
    pieces=st.lists(st.integers(1, 50)),
    noise=st.lists(st.sampled_from([NOTICE, STATUS]), max_size=3),
    where=st.integers(0, 30),
    release=st.booleans(),
)
def test_every_binary_record_comes_once_however_the_bytes_arrive(
    rows: list[tuple[bytes | None, bytes | None]],
    records: int,
    pieces: list[int],
    noise: list[tuple[str, bytes]],
    where: int,
    release: bool,
) -> None:
    said = binary(rows)
    said[where:where] = noise
    statement = "COPY x TO STDOUT (FORMAT binary)"
    with server(answer(*said), pieces) as sock:
        blocks = []
        for block in wire.CopyOut(sock, statement, lambda: None, FIELDS).blocks(records):
            blocks.append(bodies(block))
            if release:
                block.data.release()
    assert [body for block in blocks for body in block] == [record(row) for row in rows]
    assert all(len(block) <= records for block in blocks)


def test_a_long_binary_record_is_found_among_others() -> None:
    rows = [(b"a", b"b"), (b"x" * (2**24 + 7), None), (b"c", b"d")]
    with server(answer(*binary(rows))) as sock:
        blocks = wire.CopyOut(sock, "COPY", lambda: None, FIELDS).blocks(10)
        assert sum(len(block.starts) for block in blocks) == len(rows)


def test_the_memory_of_a_block_is_used_again_once_nobody_looks_at_it() -> None:
    rows = [f"{number:0100}" for number in range(40)]
    places = []
    with server(answer(*data(*rows))) as sock:
        for block in wire.CopyOut(sock, "COPY", lambda: None).blocks(10):
            places.append(np.frombuffer(block.data, np.uint8).ctypes.data)
            block.data.release()
    assert len(places) == 4 and len(set(places)) == 1


def test_a_block_that_is_looked_at_stays_as_it_is() -> None:
    rows = [f"{number:0100}" for number in range(40)]
    with server(answer(*data(*rows))) as sock:
        blocks = list(wire.CopyOut(sock, "COPY", lambda: None).blocks(10))
    found = [body.decode().strip() for block in blocks for body in bodies(block)]
    assert found == rows
