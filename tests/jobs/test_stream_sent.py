"""A stream while it is sent: what is read and held meanwhile, and what ends it early."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile

import pyarrow as pa
import pytest
from django.contrib.auth.models import User
from django.db import DataError, connection

from exportapp.jobs.stream import stream
from exportapp.tables import scan
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.jobs.test_stream import ORDERS
from tests.services import ON_SQLITE


@pytest.mark.usefixtures("small_ranges")
def test_bytes_come_before_the_rest_is_read(
    orders: Callable[[int], None], operator: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(60)
    read = list[int]()
    chunks = scan._chunks

    def counted(*args: Any) -> Iterator[Any]:
        read.append(1)
        return chunks(*args)

    monkeypatch.setattr(scan, "_chunks", counted)
    pieces = stream(ORDERS, operator)

    assert next(pieces).startswith(b"PK\x03\x04")
    assert len(read) == 1
    rest = b"".join(pieces)
    assert len(read) > 2 and rest


@pytest.mark.usefixtures("small_ranges")
def test_an_error_in_the_middle_breaks_the_stream(
    orders: Callable[[int], None], operator: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(60)
    chunks, calls = scan._chunks, list[int]()

    def failing(*args: Any) -> Iterator[Any]:
        calls.append(1)
        if len(calls) == 3:
            raise DataError("the third range cannot be read")
        return chunks(*args)

    monkeypatch.setattr(scan, "_chunks", failing)
    sent = list[bytes]()
    with pytest.raises(DataError, match="third range"):
        for piece in stream(ORDERS, operator):
            sent.append(piece)

    assert sent and b"PK\x05\x06" not in b"".join(sent)
    with pytest.raises(BadZipFile):
        ZipFile(io.BytesIO(b"".join(sent)))


@pytest.mark.usefixtures("small_ranges")
def test_closing_it_ends_the_query_at_once(
    orders: Callable[[int], None], operator: Viewer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(60)
    settings.EXPORTAPP_READER = "orm"
    ended = list[str]()
    read = scan.read

    def watched(*args: Any, **options: Any) -> Iterator[Any]:
        try:
            yield from read(*args, **options)
        except GeneratorExit:
            ended.append("closed")
            raise

    monkeypatch.setattr(scan, "read", watched)
    pieces = stream(ORDERS, operator)
    next(pieces)

    pieces.close()

    assert ended == ["closed"]
    assert Order.objects.count() == 60
    with pytest.raises(StopIteration):
        next(pieces)


@pytest.mark.skipif(ON_SQLITE, reason="asks the server of PostgreSQL")
@pytest.mark.parametrize("reader", ["auto", "orm"])
@pytest.mark.usefixtures("small_ranges")
def test_no_copy_and_no_transaction_is_open_while_the_client_is_slow(
    orders: Callable[[int], None], operator: Viewer, settings: Any, servers: Any, reader: str
) -> None:
    orders(60)
    settings.EXPORTAPP_READER = reader
    pieces = stream(ORDERS, operator)
    next(pieces)
    with servers.postgres.connect("postgres") as other:
        busy = other.execute(
            "SELECT query FROM pg_stat_activity WHERE state <> 'idle' AND datname = %s",
            [connection.settings_dict["NAME"]],
        ).fetchall()
    pieces.close()
    assert busy == []


def test_memory_does_not_grow_with_the_rows(
    transactional_db: None, operator: Viewer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(scan, "RANGE_BYTES", 2**20)
    settings.EXPORTAPP_BATCH_ROWS = 1000
    peaks = []
    for have, upto in ((0, 4_000), (4_000, 40_000)):
        User.objects.bulk_create(
            (User(username=f"user {n}", email="x" * 200) for n in range(have, upto)),
            batch_size=1000,
        )
        selection = Selection(source="auth.User", columns=("username", "email"))
        arrow = size = 0
        tracemalloc.start()
        for piece in stream(selection, operator):
            size += len(piece)
            arrow = max(arrow, pa.total_allocated_bytes())
        peaks.append((tracemalloc.get_traced_memory()[1], arrow))
        tracemalloc.stop()
    assert size > 200_000
    for few, many in zip(*peaks, strict=True):
        assert many < 1.5 * few + 2**20, peaks
