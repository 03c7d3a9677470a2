"""All rows at one moment, whatever is changed, added and deleted while they are read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import F

from exportapp.tables import snapshots
from exportapp.tables.selection import Viewer
from project.shop.admin import OrderLineAdmin
from project.shop.models import Order, OrderLine
from tests.house import wait_for
from tests.jobs.conftest import finish
from tests.jobs.moments import Ask, Before, events, on_postgres, require_none_open, upset
from tests.oracle import comparable, data_rows, order_rows

Orders = Callable[[int], None]


@pytest.fixture(params=["auto", "orm"])
def reader(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.EXPORTAPP_READER = request.param
    return str(request.param)


def is_lost(name: str) -> bool:
    try:
        with snapshots.joined("default", name, 60):
            return False
    except snapshots.SnapshotLost:
        return True


def line_rows() -> list[list[Any]]:
    admin: Any = OrderLineAdmin
    lines = OrderLine.objects.select_related("order__customer", "product").order_by("-pk")
    return [
        [
            comparable(value)
            for value in (
                line.order.number,
                line.order.customer.name,
                line.product.sku,
                line.product.name,
                line.quantity,
                line.unit_price,
                line.discount,
                str(admin.total(None, line)),
            )
        ]
        for line in lines
    ]


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_every_cell_is_of_the_moment_of_the_snapshot(
    orders: Orders, ask_at_once: Ask, before: Before, reader: str
) -> None:
    orders(500)
    then = order_rows()
    before(3, upset)
    job = ask_at_once()
    assert data_rows(finish(job)) == then != order_rows()
    used = {event.data["reader"] for event in events(job, "extracted")}
    assert used == {"orm" if reader == "orm" else "copy"}
    assert events(job, "started_over") == []
    assert job.snapshot_id == ""
    require_none_open()


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_functions_and_related_objects_are_seen_at_that_moment_too(
    orders: Orders, ask_at_once: Ask, before: Before
) -> None:
    orders(200)
    then = line_rows()
    before(2, upset)
    found = data_rows(finish(ask_at_once("shop.OrderLine")))
    assert found == then != line_rows()


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_live_rows_are_as_they_are_when_they_are_read(
    orders: Orders, ask_at_once: Ask, before: Before
) -> None:
    orders(500)
    then = order_rows()
    before(3, upset)
    found = data_rows(finish(ask_at_once(consistency="live")))
    assert found[:200] == then[:200]
    assert {row[10] for row in found[200:]} == {"changed"}


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_function_that_meets_an_error_of_the_database_costs_its_cell_and_no_more(
    orders: Orders, ask_at_once: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def total(self: Any, line: OrderLine) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 10 / %s", [(line.pk % 2)])
            return cursor.fetchone()[0]

    monkeypatch.setattr(OrderLineAdmin, "total", total)
    orders(60)
    job = ask_at_once("shop.OrderLine")
    cells = {row[7] for row in data_rows(finish(job))}
    assert cells == {"10", None}
    even = sum(pk % 2 == 0 for pk in OrderLine.objects.values_list("pk", flat=True))
    assert job.issues_counted["callable_raised"] == even > 0


@on_postgres
def test_a_name_that_stands_for_another_snapshot_is_refused(orders: Orders) -> None:
    orders(60)
    with snapshots.held("default", 60) as first:
        name, _, content = first.name.partition("/")
        upset()
        other = snapshots.joined("default", f"{name}/{content[::-1]}", 60)
        with pytest.raises(snapshots.SnapshotLost, match="another"), other:
            pass
        with snapshots.joined("default", first.name, 60) as joined, joined.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM shop_order WHERE number = 'added'")
            assert cursor.fetchone() == (0,)
    wait_for(lambda: is_lost(first.name), what="the server has seen that its holder is gone")


@on_postgres
def test_a_connection_is_put_back_when_reading_fails(operator: Viewer, orders: Orders) -> None:
    usual = connections["default"]
    with snapshots.held("default", 60) as held:
        viewer = snapshots.ViewerAt.of(operator, held.connection)
        with pytest.raises(ZeroDivisionError), viewer.active():
            assert connections["default"] is held.connection
            1 / 0  # noqa: B018
    assert connections["default"] is usual


@on_postgres
def test_the_same_rows_at_one_moment_and_live_are_two_requests(
    orders: Orders, ask_at_once: Ask, settings: Any
) -> None:
    live = ask_at_once(consistency="live")
    assert ask_at_once() != live
    settings.EXPORTAPP_CONSISTENCY = "snapshot"
    assert ask_at_once(consistency="").consistency == "snapshot"


def test_amounts_are_compared(orders: Orders) -> None:
    """Else every other test here shows less than it seems to."""
    orders(1)
    before = order_rows()
    Order.objects.update(amount=F("amount") + Decimal(1))
    assert before != order_rows()
