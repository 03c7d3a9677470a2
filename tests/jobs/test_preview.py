"""The first rows as the sheet will show them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exportapp.exceptions import NotAllowed, ParameterRefused, RequestRefused
from exportapp.jobs import preview as previews
from exportapp.jobs.preview import preview
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.gallery import exports as gallery
from tests.services import ON_SQLITE

VIEWER = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")


@pytest.fixture
def orders(db: None) -> None:
    seed_shop(40, seed=1)


@pytest.mark.usefixtures("orders")
def test_cells_are_shown_as_the_sheet_shows_them() -> None:
    moment = datetime(2026, 1, 31, 23, 30, 0, 5, tzinfo=UTC)
    first = Order.objects.first()
    Order.objects.filter(pk=first.pk).update(
        amount=Decimal("12345.6"), created_at=moment, gift=True, note="x" * 500, status="paid"
    )
    asked = Selection(
        source="shop.Order",
        keys=(str(first.pk),),
        columns=("number", "status", "amount", "created_at", "gift", "note"),
        titles={"amount": "Sum"},
    )
    (sheet,) = preview(asked, VIEWER)
    assert [cell.text for cell in sheet.headings][2] == "Sum"
    ((number, status, amount, created_at, gift, note),) = sheet.rows
    assert number.text == first.number
    assert status.text == "Paid"
    assert (amount.text, amount.align) == ("12,345.60", "right")
    assert created_at.text == "2026-02-01 00:30:00"
    assert gift.text == "TRUE"
    assert note.text == "x" * 120 + "…"
    coded = Selection(source="shop.Order", keys=asked.keys, columns=("status",), codes=True)
    assert preview(coded, VIEWER)[0].rows[0][0].text == "paid"


@pytest.mark.usefixtures("orders")
def test_it_reads_twenty_rows_and_counts_none() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        (sheet,) = preview(Selection(source="shop.Order"), VIEWER)
    assert len(sheet.rows) == previews.ROWS
    assert not any("COUNT(" in query["sql"] for query in queries)
    assert any(f"LIMIT {previews.ROWS}" in query["sql"] for query in queries)


@pytest.mark.usefixtures("orders")
def test_a_function_that_fails_shows_the_issue_it_would_be() -> None:
    number = Order.objects.order_by("-amount").first().number
    gallery.SILENT.add(number)
    try:
        asked = Selection(source="order-book", parameters={"since": "2020-01-01"})
        orders, lines, customers = preview(asked, VIEWER)
    finally:
        gallery.SILENT.clear()
    assert (orders.title, customers.title) == ("Orders", "Customers")
    broken = [cell for cell in orders.rows[0] if cell.issue]
    assert [(cell.text, cell.issue) for cell in broken] == [("", f"ValueError: {number}")]
    assert not any(cell.issue for row in lines.rows for cell in row)


@pytest.mark.django_db(transaction=True)
def test_a_function_whose_query_fails_leaves_the_other_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed_shop(3, seed=1)
    first = Order.objects.order_by("-amount").first()

    def shout(self: object, order: Order) -> str:
        if order.pk == first.pk:
            connection.cursor().execute("SELECT nothing FROM nowhere")
        return order.number if Order.objects.filter(pk=order.pk).exists() else ""

    monkeypatch.setattr(gallery.BookedOrders, "shout", shout)
    asked = Selection(source="order-book", parameters={"since": "2020-01-01"})
    if ON_SQLITE:
        # It has one class of error for a wrong query and for a database that is locked.
        with pytest.raises(RequestRefused, match="cannot be read now"):
            preview(asked, VIEWER)
        return
    rows = preview(asked, VIEWER)[0].rows
    assert [bool(cell.issue) for row in rows for cell in row[3:4]] == [True, False, False]


@pytest.mark.usefixtures("orders")
def test_it_is_refused_as_the_export_would_be() -> None:
    nobody = Viewer(user=User.objects.create_user("eve"), language="en", time_zone="UTC")
    with pytest.raises(NotAllowed):
        preview(Selection(source="shop.Order"), nobody)
    with pytest.raises(ParameterRefused, match="since"):
        preview(Selection(source="order-book"), VIEWER)
    with pytest.raises(RequestRefused, match="nothing"):
        preview(Selection(source="shop.Order", columns=("nothing",)), VIEWER)
