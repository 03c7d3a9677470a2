"""A stream knows what a job's file knows: looks, notes, options, every column of the gallery."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from gzip import decompress
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from openpyxl.styles import Font, PatternFill

from exportapp.exceptions import RequestRefused, RowRefused, WorkInterrupted
from exportapp.jobs import lifecycle
from exportapp.jobs.stream import begin, stream
from exportapp.tables.selection import Operator, Selection, Viewer
from exportapp.xlsx import XlsxError
from project.shop.models import Order
from tests.gallery.models import Tag
from tests.jobs.conftest import finish
from tests.jobs.test_stream import cells, whole
from tests.oracle import sheet_parts
from tests.readers.files import site
from tests.readers.traps import ROWS

ORDERS = Selection(source="shop.Order")
BERLIN = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the orders' ModelAdmin attributes of a developer's for one test."""
    model_admin = admin.site.get_model_admin(Order)

    def give(**attributes: Any) -> None:
        for name, value in attributes.items():
            monkeypatch.setattr(model_admin, name, value, raising=False)

    return give


def made(selection: Selection, viewer: Viewer, **options: Any) -> Any:
    job, _ = lifecycle.create(selection, viewer, options=options, queue=False)
    return finish(job)


@pytest.mark.parametrize("options", [{}, {"compact": True}])
def test_every_kind_of_value_is_the_cell_of_a_job(transactional_db, settings, options):
    settings.EXPORTAPP_SHEET_ROWS = 25
    Tag.objects.bulk_create([Tag(name=str(number)) for number in range(ROWS)])
    asked = Selection(source="gallery.Tag", site=site.name)

    streamed = whole(stream(asked, BERLIN, options=options))

    job = made(asked, BERLIN, **options)
    found, expected = cells(streamed), cells(job)
    told, known = ([row[1:] for row in book.pop("Notes")[2:]] for book in (found, expected))
    assert found == expected
    assert told[2:] == known[2:]
    references = b'<c r="' in sheet_parts(streamed)["xl/worksheets/sheet1.xml"][3000:]
    assert references is not bool(options)


@pytest.mark.parametrize("gzip", [False, True])
def test_a_csv_is_a_job_s_byte_for_byte(transactional_db, gzip):
    Tag.objects.bulk_create([Tag(name=str(number)) for number in range(ROWS)])
    asked = Selection(source="gallery.Tag", site=site.name)
    options = {"format": "csv", "delimiter": "\t", "formulas": "keep"}

    found = whole(stream(asked, BERLIN, options={**options, "gzip": gzip})).getvalue()

    assert (decompress(found) if gzip else found) == made(asked, BERLIN, **options).read_bytes()


def test_a_developer_s_looks_are_on_every_sheet(orders, operator, desk, settings, tmp_path):
    orders(60)
    settings.EXPORTAPP_SHEET_ROWS = 25
    template = openpyxl.Workbook()
    template.worksheets[0].title = "Orders"
    template.worksheets[0]["A1"].font = Font(italic=True)
    template.create_sheet("Legend")["A1"] = "ACME"
    template.save(tmp_path / "template.xlsx")

    def brand(workbook: openpyxl.Workbook) -> None:
        for sheet in workbook.worksheets:
            sheet["B1"].fill = PatternFill("solid", fgColor="FF0000")
            sheet.oddFooter.center.text = "ACME"

    desk(export_workbook=brand, export_template=tmp_path / "template.xlsx")

    book = openpyxl.load_workbook(whole(stream(ORDERS, operator)))
    other = openpyxl.load_workbook(made(ORDERS, operator))

    assert book.sheetnames == other.sheetnames
    for one, two in zip(book.worksheets, other.worksheets, strict=True):
        assert (one.freeze_panes, one.auto_filter.ref) == (two.freeze_panes, two.auto_filter.ref)
        assert one.oddFooter.center.text == "ACME"
        for left, right in zip(one["A1:B1"][0], two["A1:B1"][0], strict=True):
            assert (left.value, left.font.i, left.fill.fgColor.rgb) == (
                right.value,
                right.font.i,
                right.fill.fgColor.rgb,
            )
    assert book.properties.title == other.properties.title
    assert book.properties.description == other.properties.description


def test_a_hook_that_changes_what_is_sent_already_breaks_the_stream(
    orders, operator, desk, settings
):
    orders(30)
    settings.EXPORTAPP_SHEET_ROWS = 25
    desk(export_workbook=lambda book: book.move_sheet(book.worksheets[-1], -9))

    with pytest.raises(XlsxError, match="sent already"):
        whole(stream(ORDERS, operator))


def test_what_a_workbook_cannot_hold_is_told_in_it_or_ends_it(orders, operator):
    orders(3)
    Order.objects.update(note="x" * 40_000)

    book = openpyxl.load_workbook(whole(stream(ORDERS, operator)))

    assert [cell.value for cell in book["Notes"]["A"]][-1] == "3 values"
    with pytest.raises(RowRefused, match="note"):
        whole(stream(ORDERS, operator, policy="fail"))


def test_a_csv_that_breaks_off_ends_inside_a_quote(orders, operator):
    orders(3)
    begun = begin(ORDERS, operator, options={"format": "csv"})
    sent = [next(begun.pieces)]
    begun.stop()

    with pytest.raises(WorkInterrupted):
        sent.extend(begun.pieces)

    text = b"".join(sent).decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == 5
    with pytest.raises(csv.Error, match="unexpected end of data"):
        list(csv.reader(io.StringIO(text), strict=True))


def test_options_that_the_project_set_and_a_stream_cannot_have_are_left_out(
    orders, operator, settings
):
    orders(3)
    settings.EXPORTAPP_OPTIONS = {"strings": "shared", "verify": True}
    assert "Orders" in cells(whole(stream(ORDERS, operator)))
    settings.EXPORTAPP_OPTIONS = {"format": "parquet"}
    with pytest.raises(RequestRefused, match="xlsx, csv"):
        stream(ORDERS, operator)


def test_several_sheets_are_no_csv(transactional_db, django_user_model):
    chief = django_user_model.objects.create_superuser("chief")
    viewer = Viewer(user=chief, language="en", time_zone="UTC")
    asked = Selection(source="order-book", parameters={"since": "2020-01-01"})
    with pytest.raises(RequestRefused, match="several sheets: orders, lines"):
        stream(asked, viewer, options={"format": "csv"})
