"""A workbook that is sent while it is made: the same cells as a job's, or no workbook at all."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
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


def test_a_stream_opens_in_a_program_that_reads_from_the_start(
    orders: Callable[[int], None], operator: Viewer, tmp_path: Path
) -> None:
    orders(30)
    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"".join(stream(ORDERS, operator)))
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        assert len(list(book.worksheets[0].iter_rows(values_only=True))) == 31
