"""All rows at one moment, whatever is changed, added and deleted while they are read."""

from __future__ import annotations

import html
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.models import F
from django.urls import reverse
from rest_framework.test import APIClient

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs import extract, files, lifecycle, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.layout import Layout
from exportapp.models import ExportJob, ExportShard
from exportapp.tables import snapshots
from exportapp.tables.selection import Selection, Viewer
from project.shop.admin import OrderLineAdmin
from project.shop.models import Customer, Order, OrderLine, Product
from tests.clicks import click_through
from tests.house import wait_for
from tests.jobs.conftest import finish
from tests.oracle import comparable, data_rows, order_rows
from tests.services import ON_SQLITE

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]
Before = Callable[[int, Callable[[], object]], None]

on_postgres = pytest.mark.skipif(ON_SQLITE, reason="only PostgreSQL exports snapshots")

OPEN = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"""


@pytest.fixture
def shards_of_100(settings: Any) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_BATCH_ROWS = 50
    settings.EXPORTAPP_BEAT_SECONDS = 0.000001


@pytest.fixture(params=["auto", "orm"])
def reader(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.EXPORTAPP_READER = request.param
    return str(request.param)


@pytest.fixture
def ask_at_once(operator: Viewer) -> Ask:
    def create(source: str = "shop.Order", consistency: str = "snapshot") -> ExportJob:
        selection = Selection(source=source)
        job, _ = lifecycle.create(selection, operator, consistency=consistency, queue=False)
        return job

    return create


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Before:
    """Have something done before the nth time that a shard is extracted."""
    deeds: dict[int, Callable[[], object]] = {}
    times = 0

    def extracting(*args: Any) -> Any:
        nonlocal times
        times += 1
        deeds.pop(times, lambda: None)()
        return extract.extract(*args)

    monkeypatch.setattr(work, "extract", extracting)
    return deeds.__setitem__


def upset() -> None:
    """Change every row, also of what rows are named after, delete some and add one."""
    Order.objects.update(amount=F("amount") + 1, note="changed")
    Customer.objects.update(name="changed")
    Product.objects.update(name="changed", sku=F("id"))
    OrderLine.objects.update(quantity=F("quantity") + 1)
    gone = list(Order.objects.order_by("pk").values_list("pk", flat=True)[:50])
    Order.objects.filter(pk__in=gone).delete()
    added = Order.objects.order_by("pk")[0]
    added.pk, added.number = None, "added"
    added.save(force_insert=True)


def events(job: ExportJob, kind: str) -> list[Any]:
    return list(job.events.filter(kind=kind).order_by("pk"))


def is_lost(name: str) -> bool:
    try:
        with snapshots.joined("default", name, 60):
            return False
    except snapshots.SnapshotLost:
        return True


def snapshots_open() -> int:
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        return int(cursor.fetchone()[0])


def require_none_open() -> None:
    # The server sees a moment later that somebody has hung up.
    wait_for(lambda: snapshots_open() == 0, what="no snapshot is held")


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
@pytest.mark.usefixtures("shards_of_100")
def test_a_pause_lets_the_snapshot_go_and_a_resume_starts_over(
    orders: Orders, ask_at_once: Ask, before: Before
) -> None:
    orders(500)
    job = ask_at_once()

    def pause() -> None:
        assert snapshots_open() > 0
        lifecycle.pause(ExportJob.objects.get(pk=job.pk))

    before(4, pause)
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.snapshot_id) == ("paused", "")
    require_none_open()
    assert ExportShard.objects.filter(job=job, status="extracted").count() == 3
    upset()
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()
    (event,) = events(job, "started_over")
    assert event.data == {"read": 3, "dropped": 5}
    assert "all read again" in event.message
    assert {path.suffix for path in files.folder(job).iterdir()} == {".xlsx"}


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_what_was_read_whole_is_not_read_again_after_a_pause(
    orders: Orders, ask_at_once: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    then = order_rows()
    job = ask_at_once()

    real = work.render

    def paused(*args: Any) -> Any:
        monkeypatch.setattr(work, "render", real)
        lifecycle.pause(ExportJob.objects.get(pk=job.pk))
        upset()
        return real(*args)

    monkeypatch.setattr(work, "render", paused)
    work.work(job.pk)
    assert ExportJob.objects.get(pk=job.pk).status == "paused"
    lifecycle.resume(ExportJob.objects.get(pk=job.pk), queue=False)
    assert data_rows(finish(job)) == then
    assert events(job, "started_over") == []


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_worker_that_is_told_to_go_leaves_nothing_of_two_moments(
    orders: Orders, ask_at_once: Ask, before: Before
) -> None:
    orders(500)
    job = ask_at_once()
    before(3, stop_requested.set)
    work.work(job.pk)
    require_none_open()
    stop_requested.clear()
    upset()
    assert data_rows(finish(job)) == order_rows()
    assert len(events(job, "started_over")) == 1
    assert job.attempts == 0


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_damaged_shard_has_all_rows_read_again(orders: Orders, ask_at_once: Ask) -> None:
    orders(500)
    job = ask_at_once()
    while work.step(job) and job.status != "rendering":
        pass
    shard = ExportShard.objects.get(job=job, number=2)
    files.local_path(shard.arrow_path).write_bytes(b"nothing")
    stale = ExportShard.objects.get(job=job, number=4)
    upset()
    assert data_rows(finish(job)) == order_rows()
    assert len(events(job, "started_over")) == 1
    assert stale.mine(stale.fence).update(worker="late") == 0


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_new_shards_begin_above_every_fence_of_those_that_were_dropped(
    orders: Orders, ask_at_once: Ask, before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    job = ask_at_once()
    written: list[str] = []
    real = extract.writing
    monkeypatch.setattr(
        extract, "writing", lambda job, name, fence: real(job, _noted(written, name, fence), fence)
    )
    before(3, stop_requested.set)
    work.work(job.pk)
    stop_requested.clear()
    finish(job)
    assert len(written) > 5
    assert len(set(written)) == len(written), "no two attempts write to one name"


def _noted(names: list[str], name: str, fence: int) -> str:
    names.append(f"{name} {fence}")
    return name


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_snapshot_that_the_server_ends_is_made_anew_and_at_most_so_often(
    orders: Orders, ask_at_once: Ask, before: Before, settings: Any
) -> None:
    orders(500)
    job = ask_at_once()
    before(2, lambda: _end_sessions() or upset())
    assert data_rows(finish(job)) == order_rows()
    assert len(events(job, "started_over")) == 1
    assert job.attempts == 0, "reading all rows makes it good"

    settings.EXPORTAPP_MAX_ATTEMPTS = 3
    again = ask_at_once("shop.Customer")
    for number in range(1, 40):
        before(number, _end_sessions)
    while ExportJob.objects.get(pk=again.pk).is_active:
        work.work(again.pk)
    again.refresh_from_db()
    assert (again.status, again.error_code) == ("failed", "snapshot_lost")
    assert again.files.count() == 0


def _end_sessions() -> None:
    """Whoever else is connected, such as the holder's session and those of readers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_xmin IS NOT NULL"
        )


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_snapshot_is_not_held_for_longer_than_the_setting_says(
    orders: Orders, ask_at_once: Ask, before: Before, settings: Any
) -> None:
    orders(500)
    job = ask_at_once()
    before(3, lambda: setattr(settings, "EXPORTAPP_SNAPSHOT_SECONDS", 1e-9))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "snapshot_too_old")
    require_none_open()
    assert "EXPORTAPP_SNAPSHOT_SECONDS" in job.error
    assert not ExportShard.objects.filter(job=job, status="failed").exists()
    del settings.EXPORTAPP_SNAPSHOT_SECONDS
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_the_holder_goes_on_past_the_end_of_its_slice(orders: Orders, ask_at_once: Ask) -> None:
    orders(500)
    job = ask_at_once()
    work.step(job)
    work.work(job.pk, seconds=0)
    assert ExportShard.objects.filter(job=job).count() == 0
    work.step(job)
    assert ExportShard.objects.filter(job=job, status="extracted").count() == 5


@on_postgres
@pytest.mark.usefixtures("shards_of_100")
def test_a_layout_of_shards_that_were_dropped_settles_nothing(
    orders: Orders, ask_at_once: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    job = ask_at_once()
    real = work.phases.lay_out
    found: list[int] = []

    def late(*args: Any, **kwargs: Any) -> Layout:
        monkeypatch.setattr(work.phases, "lay_out", real)
        found.append(ExportShard.objects.filter(job=job).delete()[0])
        ExportJob.objects.filter(pk=job.pk).update(planned_at=None)
        return real(*args, **kwargs)

    monkeypatch.setattr(work.phases, "lay_out", late)
    while not found:
        assert work.step(job)
    job.refresh_from_db()
    assert (found, job.status, job.layout) == ([3], "extracting", None)
    assert data_rows(finish(job)) == order_rows()


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


def test_a_consistency_that_there_is_not_is_refused_with_the_valid_ones(
    orders: Orders, ask_at_once: Ask
) -> None:
    with pytest.raises(UnknownName, match="live, snapshot"):
        ask_at_once(consistency="snapshots")


@pytest.mark.skipif(not ON_SQLITE, reason="PostgreSQL does not refuse it")
class TestOnSQLite:
    said = "needs PostgreSQL"

    def test_it_is_refused_at_the_door(self, orders: Orders, ask_at_once: Ask) -> None:
        with pytest.raises(RequestRefused, match=f"{self.said}.*SQLite.*Valid: live"):
            ask_at_once()
        assert not ExportJob.objects.exists()

    def test_the_command_refuses_it(self, orders: Orders, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=self.said) as refused:
            call_command("export_excel", "shop.Order", consistency="snapshot")
        assert refused.value.returncode == 2

    def test_the_interface_refuses_it(self, orders: Orders) -> None:
        client = APIClient()
        client.force_login(User.objects.create_superuser("ann"))
        body = {"source": "shop.Order", "consistency": "snapshot"}
        answer = client.post("/api/exports/", body, format="json")
        assert answer.status_code == 400
        assert self.said in answer.content.decode()

    def test_the_button_refuses_it(self, orders: Orders, client: Any, settings: Any) -> None:
        settings.EXPORTAPP_CONSISTENCY = "snapshot"
        client.force_login(User.objects.create_superuser("ann"))
        answer = click_through(client, reverse("admin:shop_order_export_to_excel"))
        assert self.said in html.unescape(answer.content.decode())
        assert not ExportJob.objects.exists()


def test_amounts_are_compared(orders: Orders) -> None:
    """Else every other test here shows less than it seems to."""
    orders(1)
    before = order_rows()
    Order.objects.update(amount=F("amount") + Decimal(1))
    assert before != order_rows()
