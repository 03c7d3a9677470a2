"""A workbook that is sent while it is made: the same cells as a job's, or no workbook at all."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl
import pyarrow as pa
import pytest
from django.contrib.auth.models import User
from django.db import DataError, connection
from python_calamine import CalamineWorkbook

from exportapp.exceptions import NotAllowed, RequestRefused, UnknownName
from exportapp.jobs import growing
from exportapp.jobs.stream import stream
from exportapp.models import ExportJob
from exportapp.tables import scan
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.gallery.models import Painting
from tests.jobs.conftest import finish
from tests.services import ON_SQLITE

ORDERS = Selection(source="shop.Order")
COLUMNS = ("number", "customer", "status", "amount", "created_at", "paid")


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Ranges of some ten rows, in batches of 7."""
    monkeypatch.setattr(scan, "RANGE_BYTES", 8_000)
    settings.EXPORTAPP_BATCH_ROWS = 7


def whole(pieces: Iterator[bytes]) -> io.BytesIO:
    return io.BytesIO(b"".join(pieces))


def cells(file: Any) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(file)
    return {
        sheet.title: [[(cell.value, cell.number_format) for cell in row] for row in sheet.rows]
        for sheet in book.worksheets
    }


@pytest.mark.parametrize("reader", ["auto", "orm"])
@pytest.mark.usefixtures("small_ranges")
def test_the_cells_are_those_of_a_job_s_file(
    orders: Callable[[int], None],
    ask: Callable[..., ExportJob],
    operator: Viewer,
    settings: Any,
    reader: str,
) -> None:
    orders(150)
    settings.EXPORTAPP_READER = reader
    settings.EXPORTAPP_SHEET_ROWS = 60

    streamed = cells(whole(stream(ORDERS, operator)))

    assert [len(rows) for rows in streamed.values()] == [61, 61, 31]
    settings.EXPORTAPP_READER = "auto"
    assert streamed == cells(finish(ask()))


@pytest.mark.skipif(ON_SQLITE, reason="COPY is PostgreSQL's")
def test_a_range_that_copy_cannot_judge_is_read_by_the_orm_and_no_row_is_sent_twice(
    transactional_db: None, operator: Viewer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.EXPORTAPP_BATCH_ROWS = 7
    monkeypatch.setattr(scan, "RANGE_BYTES", 2_000)
    Painting.objects.bulk_create(Painting(title="x", price=n) for n in range(60))
    middle = Painting.objects.order_by("pk")[29].pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE gallery_painting SET price = 'NaN' WHERE id = %s", [middle])
    ranges = list[Any]()
    read = scan.read

    def counted(*args: Any, **options: Any) -> Iterator[Any]:
        ranges.append(args)
        return read(*args, **options)

    monkeypatch.setattr(scan, "read", counted)
    selection = Selection(source="gallery.Painting", columns=("id", "price"), order=("id",))

    rows, _notes = cells(whole(stream(selection, operator))).values()

    found = [(key, price) for (key, _), (price, _) in rows[1:]]
    expected = Painting.objects.order_by("pk").values_list("pk", flat=True)
    assert [key for key, _ in found] == list(expected)
    assert [key for key, price in found if price is None] == [middle]
    assert len(ranges) == 1


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


def test_nothing_but_an_ordered_selection_of_a_person_with_the_right_is_begun(
    operator: Viewer, transactional_db: None
) -> None:
    nobody = Viewer(user=User.objects.create_user("eve"), language="en", time_zone="UTC")
    with pytest.raises(UnknownName):
        stream(Selection(source="shop.Nothing"), operator)
    with pytest.raises(NotAllowed):
        stream(ORDERS, nobody)
    with pytest.raises(RequestRefused):
        stream(Selection(source="shop.Order", order=("?",)), operator)


def test_without_rows_there_is_a_sheet_with_a_header(
    operator: Viewer, transactional_db: None
) -> None:
    (rows,) = cells(whole(stream(ORDERS, operator))).values()
    assert len(rows) == 1 and rows[0][0][0]


@pytest.mark.usefixtures("small_ranges")
def test_sizes_follow_each_part_and_the_directory_knows_them(
    orders: Callable[[int], None], operator: Viewer
) -> None:
    orders(30)
    file = whole(stream(ORDERS, operator))
    data = file.getvalue()
    with ZipFile(file) as package:
        assert package.testzip() is None
        sheet = package.read("xl/worksheets/sheet1.xml")
        members = package.infolist()
    assert b"<dimension" not in sheet and sheet.count(b"<row ") == 31
    for member in members:
        flags, *_, crc, size, raw, name, extra = struct.unpack_from(
            "<6xHHHH3L2H", data, member.header_offset
        )
        assert (flags, member.flag_bits) == (8, 8)
        assert (crc, size, raw, extra) == (0, 0, 0, 0)
        end = member.header_offset + 30 + name + member.compress_size
        told = (b"PK\x07\x08", member.CRC, member.compress_size, member.file_size)
        assert struct.unpack_from("<4s3L", data, end) == told
    assert b"PK\x06\x06" not in data


@pytest.mark.usefixtures("small_ranges")
def test_a_sheet_that_would_grow_too_large_is_followed_by_another(
    orders: Callable[[int], None], operator: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(60)
    monkeypatch.setattr(growing, "SHEET_XML_BYTES", 12_000)

    file = whole(stream(Selection(source="shop.Order", order=("id",)), operator))

    book = CalamineWorkbook.from_filelike(file)
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    assert len(sheets) > 1 and book.sheet_names[1] == "Orders 2"
    assert [rows[0] for rows in sheets] == [sheets[0][0]] * len(sheets)
    numbers = [row[0] for rows in sheets for row in rows[1:]]
    assert numbers == [number for (number,) in Order.objects.order_by("pk").values_list("number")]
    with ZipFile(file) as package:
        sizes = [member.file_size for member in package.infolist() if "sheets/s" in member.filename]
    assert max(sizes) < 14_000


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


def test_a_stream_opens_in_a_program_that_reads_from_the_start(
    orders: Callable[[int], None], operator: Viewer, tmp_path: Path
) -> None:
    orders(30)
    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"".join(stream(ORDERS, operator)))
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        assert len(list(book.worksheets[0].iter_rows(values_only=True))) == 31
