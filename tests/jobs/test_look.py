"""What is in a workbook besides its rows: notes on issues, who asked, a developer's looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib import admin

from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.oracle import data_rows, order_rows, sheet_parts, sheets

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the orders' ModelAdmin attributes of a developer's for one test."""
    model_admin = admin.site.get_model_admin(Order)

    def give(**attributes: Any) -> None:
        for name, value in attributes.items():
            monkeypatch.setattr(model_admin, name, value, raising=False)

    return give


def test_issues_are_summed_up_on_a_sheet_of_their_own(orders: Orders, operator: Viewer) -> None:
    orders(3)
    first = Order.objects.order_by("pk").first()
    assert first is not None
    Order.objects.filter(pk=first.pk).update(note="x" * 40_000)
    Order.objects.exclude(pk=first.pk).update(note="a\x01b")
    asked = Selection(source="shop.Order", query={"q": ["SO-"]}, order=("number",))
    viewer = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")
    job, _ = lifecycle.create(asked, viewer, queue=False)
    found = sheets(finish(job))
    assert list(found) == ["Orders", "Notes"]
    told = {row[0]: row[1] for row in found["Notes"]}
    assert told["Rows chosen by"] == "search “SO-”, by number, A to Z"
    assert told["Asked for by"] == "operator"
    assert "(Europe/Berlin)" in told["Asked at"]
    assert told["1 value"] == "Texts were cut: a cell holds 32,767 characters."
    assert "replaced by \ufffd" in told["2 values"]


def test_without_issues_there_is_no_such_sheet(orders: Orders, ask: Ask) -> None:
    orders(3)
    assert list(sheets(finish(ask()))) == ["Orders"]


def test_notes_are_in_the_language_of_whoever_asked(orders: Orders) -> None:
    orders(1)
    Order.objects.update(note="x" * 40_000)
    viewer = Viewer(user=Operator(), language="he", time_zone="UTC")
    job, _ = lifecycle.create(Selection(source="shop.Order"), viewer, queue=False)
    book = openpyxl.load_workbook(finish(job))
    assert book.worksheets[0].sheet_view.rightToLeft


def test_the_properties_say_who_asked_for_what_and_when(
    orders: Orders, django_user_model: Any
) -> None:
    orders(3)
    user = django_user_model.objects.create_superuser("Ann")
    viewer = Viewer(user=user, language="en", time_zone="UTC")
    asked = Selection(source="shop.Order", query={"gift__exact": ["0"]})
    job, _ = lifecycle.create(asked, viewer, queue=False)
    book = openpyxl.load_workbook(finish(job))
    told = book.properties
    assert (told.title, told.creator, told.description) == (
        "Orders",
        "Ann",
        "gift is No, newest first",
    )
    assert told.created == job.created_at.replace(microsecond=0, tzinfo=None)
    assert not book.worksheets[0].sheet_view.rightToLeft


def test_a_developer_s_function_sees_the_workbook_and_leaves_the_rows_alone(
    orders: Orders, ask: Ask, desk: Callable[..., None], settings: Any
) -> None:
    orders(500)
    plain = sheet_parts(finish(ask()))

    def brand(workbook: openpyxl.Workbook) -> None:
        workbook.create_sheet("Cover")["A1"] = "ACME"

    desk(export_workbook=brand)
    settings.EXPORTAPP_SHARD_ROWS = 100
    path = finish(ask())
    assert list(sheets(path)) == ["Orders", "Cover"]
    assert sheets(path)["Cover"] == [["ACME"]]
    assert sheet_parts(path)["xl/worksheets/sheet1.xml"] == plain["xl/worksheets/sheet1.xml"]


def test_a_template_is_what_the_workbook_begins_with(
    orders: Orders, ask: Ask, desk: Callable[..., None], tmp_path: Path
) -> None:
    orders(20)
    template = openpyxl.Workbook()
    template.worksheets[0].title = "Cover"
    template.worksheets[0]["B2"] = "ACME"
    path = tmp_path / "template.xlsx"
    template.save(path)
    desk(export_template=str(path))
    made = finish(ask())
    assert list(sheets(made)) == ["Cover", "Orders"]
    assert sheets(made)["Orders"][1:] == order_rows()


@pytest.mark.parametrize("strings", ["auto", "shared"])
def test_looks_go_with_shared_strings(
    orders: Orders, operator: Viewer, desk: Callable[..., None], settings: Any, strings: str
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    desk(export_workbook=lambda workbook: workbook.create_sheet("Cover").append(["ACME", "paid"]))
    asked = Selection(source="shop.Order")
    job, _ = lifecycle.create(asked, operator, options={"strings": strings}, queue=False)
    found = sheets(finish(job))
    assert found["Cover"] == [["ACME", "paid"]]
    assert found["Orders"][1:] == order_rows()


def test_an_error_of_the_function_says_so_and_a_mended_one_finishes_the_export(
    orders: Orders, ask: Ask, desk: Callable[..., None]
) -> None:
    orders(20)

    def broken(workbook: openpyxl.Workbook) -> None:
        raise LookupError("no logo")

    desk(export_workbook=broken)
    job = ask()
    with pytest.raises(AssertionError, match="no logo"):
        finish(job)
    assert job.status == "failed"
    desk(export_workbook=lambda workbook: None)
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()
