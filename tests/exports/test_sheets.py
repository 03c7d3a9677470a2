"""Exports with several sheets: from the request to the workbook."""

from __future__ import annotations

import openpyxl
import pytest

from exportapp.jobs import files, work
from exportapp.jobs.stream import stream
from exportapp.models import ExportShard
from project.shop.models import Order, OrderLine
from tests.exports.books import (
    BOOK,
    HEADERS,
    OPERATOR,
    SINCE,
    asked,
    book,
    done,
    expected,
    found_in,
    styled,
)
from tests.services import ON_SQLITE

pytestmark = pytest.mark.usefixtures("shop")


@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_every_sheet_has_its_own_rows_columns_and_order(settings, reader):
    settings.EXPORTAPP_READER = reader
    settings.EXPORTAPP_SHARD_ROWS = 7
    settings.EXPORTAPP_BATCH_ROWS = 3
    job = done(asked(book(SINCE)))
    found = found_in(job)

    assert list(found) == list(HEADERS)
    assert found == expected()
    file = job.files.get()
    assert file.filename == "book-2023-01-01.xlsx"
    assert file.sheets == [[title, len(rows) - 1] for title, rows in found.items()]
    shards = list(ExportShard.objects.filter(job=job).order_by("number"))
    assert [shard.number for shard in shards] == list(range(1, len(shards) + 1))
    places = [shard.sheet for shard in shards]
    assert places == sorted(places) and set(places) == {0, 1, 2} and places.count(1) > 2


@pytest.mark.skipif(ON_SQLITE, reason="COPY is PostgreSQL's")
def test_each_sheet_is_read_in_the_fastest_way_that_its_own_columns_allow():
    job = done(asked(book(SINCE)))
    how = job.events.filter(kind="extracted").order_by("shard").values_list("data", flat=True)

    assert [data["reader"] for data in how] == ["orm", "copy", "orm"]


def test_a_full_sheet_goes_on_before_the_next_begins(settings):
    settings.EXPORTAPP_SHARD_ROWS = 10
    settings.EXPORTAPP_SHEET_ROWS = 25
    job = done(asked(book(SINCE)))
    found = found_in(job)
    titles, wanted = list(found), expected()

    assert titles[:2] == ["Orders", "Orders 2"]
    assert "Order lines 2" in titles and titles[-1].startswith("Customers")
    for title, header in HEADERS.items():
        own = [name for name in titles if name.startswith(title)]
        assert all(found[name][0] == header for name in own)
        assert all(len(found[name]) == 26 for name in own[:-1])
        assert [row for name in own for row in found[name][1:]] == wanted[title][1:]


def test_a_sheet_without_rows_has_its_header():
    OrderLine.objects.all().delete()
    job = done(asked(book(SINCE)))
    found = found_in(job)

    assert found["Order lines"] == [HEADERS["Order lines"]]
    assert len(found["Orders"]) > 1 and len(found["Customers"]) > 1
    Order.objects.all().delete()
    assert found_in(done(asked(book("2024-02-02")))) == {t: [h] for t, h in HEADERS.items()}


def test_rows_that_go_before_they_are_read_leave_a_header(settings):
    settings.EXPORTAPP_SHARD_ROWS = 20
    job = asked(book(SINCE))
    work.step(job)
    work.step(job)
    assert job.planned_at
    OrderLine.objects.all().delete()

    found = found_in(done(job))
    assert found["Order lines"] == [HEADERS["Order lines"]]
    assert found == expected()


def test_cells_look_the_same_in_the_whole_in_parts_and_in_each_shard(settings, monkeypatch):
    settings.EXPORTAPP_SHARD_ROWS = 30
    settings.EXPORTAPP_SHEET_ROWS = 60
    monkeypatch.setattr(files, "remove_except", lambda job, keep: 0)
    whole = styled(done(asked(book(SINCE))))
    settings.EXPORTAPP_WORKBOOK_BYTES = 3_000
    job = done(asked(book(SINCE, columns=None)))
    parts = styled(job)

    assert job.files.count() > 1
    assert parts == whole
    assert {look for *_, look in whole["Order lines"][1]} >= {'#,##0.00 "EUR"'}
    assert {look for *_, look in whole["Customers"][1]} == {"General", "dd/mm/yyyy"}
    for shard in ExportShard.objects.filter(job=job):
        workbook = openpyxl.load_workbook(files.local_path(shard.xlsx_path))
        for sheet in workbook.worksheets:
            rows = [[(c.value, c.number_format) for c in row] for row in sheet.rows]
            full = whole[sheet.title]
            assert rows[0] == full[0]
            there = [n for n, row in enumerate(rows) if n and any(value for value, _ in row)]
            assert [rows[n] for n in there] == [full[n] for n in there]


def test_a_stream_has_the_same_sheets(settings, tmp_path):
    settings.EXPORTAPP_SHEET_ROWS = 25
    settings.EXPORTAPP_BATCH_ROWS = 7
    path = tmp_path / "streamed.xlsx"
    path.write_bytes(b"".join(stream(book(SINCE), OPERATOR)))
    found = openpyxl.load_workbook(path)
    rows = {
        sheet.title: [[(c.value, c.number_format) for c in row] for row in sheet.rows]
        for sheet in found.worksheets
    }

    assert "Order lines 2" in rows
    assert rows == styled(done(asked(BOOK)))


def test_a_stream_that_is_closed_ends_its_query():
    pieces = stream(book(SINCE), OPERATOR)
    assert next(pieces)[:2] == b"PK"
    pieces.close()
    assert asked(BOOK).status == "queued"
