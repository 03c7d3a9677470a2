"""What a job of several sheets keeps: through deaths, damage, changes and migrations."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F

from exportapp.exceptions import RequestRefused, WorkInterrupted
from exportapp.jobs import extract, files, heartbeat, merge, work
from exportapp.models import ExportIssue, ExportShard
from project.shop.models import Customer, Order, OrderLine
from tests.exports.books import BOOK, asked, book, done, expected, failed, found_in
from tests.exports.conftest import paid
from tests.gallery import exports
from tests.services import ON_SQLITE

pytestmark = pytest.mark.usefixtures("shop")
on_postgres = pytest.mark.skipif(ON_SQLITE, reason="only PostgreSQL exports snapshots")


def step_until(job, state):
    while job.status != state:
        assert work.step(job)
        job.refresh_from_db()


@pytest.fixture
def shards_of_10(settings):
    settings.EXPORTAPP_SHARD_ROWS = 10
    settings.EXPORTAPP_BEAT_SECONDS = 0.000001


@pytest.mark.usefixtures("shards_of_10")
@pytest.mark.parametrize("shards", [1, 2, 4, 8])
def test_a_planner_that_goes_anywhere_leaves_a_beginning_to_go_on_from(monkeypatch, shards):
    whole = done(asked(BOOK))
    ranges = ExportShard.objects.order_by("number").values_list("number", "sheet", "after", "upto")
    planned = list(ranges.filter(job=whole))
    job = asked(BOOK)
    real = heartbeat.Heartbeat.__call__

    def beat(self, rows=0):
        real(self, rows)
        if job.shards.count() == shards and not job.events.filter(kind="released").exists():
            raise WorkInterrupted("killed")

    monkeypatch.setattr(heartbeat.Heartbeat, "__call__", beat)
    work.step(job)
    work.step(job)
    job.refresh_from_db()
    assert (job.shards.count(), job.planned_at) == (shards, None)

    assert found_in(done(job)) == expected()
    assert list(ranges.filter(job=job)) == planned


@pytest.mark.usefixtures("shards_of_10")
def test_when_a_sheet_shrinks_what_stands_behind_it_is_placed_anew(settings):
    settings.EXPORTAPP_SHEET_ROWS = 15
    job = asked(BOOK)
    step_until(job, "merging")
    before = job.layout["parts"]
    shard = ExportShard.objects.get(job=job, number=2)
    for path in (shard.xlsx_path, shard.arrow_path):
        files.local_path(path).write_bytes(b"not what was committed")
    rows = Order.objects.filter(created_at__year__gte=2023).order_by("-amount", "pk")
    gone = [order.pk for order in rows[10:20]]
    OrderLine.objects.filter(order__in=gone).update(order=rows[0])
    customers = list(Customer.objects.filter(orders__in=gone))
    Order.objects.filter(pk__in=gone).delete()
    for number, customer in enumerate(customers):
        # They stay on the third sheet by an order that comes behind all that were planned.
        order = rows[0]
        order.pk, order.number, order.amount = None, f"new-{number}", -1
        order.customer = customer
        order.save(force_insert=True)

    done(job)
    assert job.layout["parts"] != before
    found = found_in(job)
    names = [row[0] for title, own in found.items() if title[:6] == "Orders" for row in own[1:]]
    assert names == [order.number for order in rows if order.amount >= 0]
    lines = [row for title, own in found.items() if title[:11] == "Order lines" for row in own[1:]]
    assert len(lines) == OrderLine.objects.filter(order__created_at__year__gte=2023).count()
    fences = dict(job.shards.values_list("number", "fence"))
    assert fences[1] == 2, "what lies before it keeps its place"


def test_rows_are_proved_sheet_by_sheet():
    job = asked(BOOK)
    step_until(job, "merging")
    orders, lines = (ExportShard.objects.get(job=job, sheet=sheet) for sheet in (0, 1))
    # Over the whole export the counts still agree.
    for shard, change in ((orders, -1), (lines, 1)):
        shard.rows_extracted += change
        shard.rows_rendered += change
        shard.save()

    assert "Row counts of 'Orders' differ" in failed(job).error


def test_a_span_of_another_sheet_is_not_merged():
    job = asked(BOOK)
    step_until(job, "merging")
    book_of_job = merge.Book.of(job)
    sheets = merge._sheets(job, book_of_job)
    orders, lines = sheets[0].pieces, sheets[1].pieces
    sheets[0].pieces, sheets[1].pieces = lines, orders
    sheets[0].rows, sheets[1].rows = sheets[1].rows, sheets[0].rows

    with pytest.raises(merge.ExportError, match="of another one"):
        merge.prove(sheets, book_of_job, job)


def test_an_issue_names_its_sheet(monkeypatch):
    silent = Order.objects.filter(created_at__year__gte=2023).first().number
    monkeypatch.setattr(exports, "SILENT", {silent})
    issue = ExportIssue.objects.get(job=done(asked(BOOK)))
    assert (issue.column, issue.code) == ("orders.shout", "callable_raised")

    job = failed(asked(BOOK, policy="fail"))
    assert "column 'orders.shout'" in job.error
    assert not job.files.exists()


def test_rows_that_are_left_out_are_said_to_be_of_their_sheet(monkeypatch):
    job = asked(BOOK)
    step_until(job, "extracting")
    work.step(job)
    lines = ExportShard.objects.get(job=job, sheet=1)

    def piece(job, lease, sheets, beat):
        if lease.piece.pk == lines.pk:
            extract.leave_out(job, lease, sheets, beat, layer="business", code="closed")
            return extract.Extracted("none", None)
        return extract.extract(job, lease, sheets, beat)

    monkeypatch.setattr(work, "extract", piece)
    found = found_in(done(job))
    issue = ExportIssue.objects.get(job=job)

    notes = found.pop("Notes")
    assert found == expected() | {"Order lines": found["Order lines"][:1]}
    assert notes[-1][1] == "Rows were left out (closed)."
    assert issue.message.startswith(f"{lines.rows_planned} rows of the sheet 'lines' are left out")


@pytest.mark.parametrize("state", ["queued", "extracting", "rendering", "merging"])
@pytest.mark.parametrize("name", ["paid-orders", "shop.Order"])
def test_jobs_from_before_there_were_sheets_go_on(state, name, settings):
    settings.EXPORTAPP_SHARD_ROWS = 10
    selection = paid() if name == "paid-orders" else paid().from_json({"source": name})
    whole = found_in(done(asked(selection)))
    job = asked(selection)
    step_until(job, state)
    if state == "extracting":
        work.step(job)
    # To the tables of the version before, and what that would have written there.
    assert (job.sheets, "parts" in (job.layout or {})) == ([], False)
    try:
        migrate(("exportapp", "0005_options"))
    finally:
        migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes("exportapp"))

    assert found_in(done(job)) == whole


def migrate(*targets):
    MigrationExecutor(connection).migrate(targets)


@on_postgres
@pytest.mark.usefixtures("shards_of_10")
def test_all_sheets_are_of_one_moment(monkeypatch):
    then = expected()
    read = []

    def upset_once(*args):
        read.append(args)
        if len(read) == 3:
            OrderLine.objects.update(quantity=F("quantity") + 1)
            Customer.objects.update(name="changed")
            Order.objects.update(note="changed")
            OrderLine.objects.filter(
                pk__in=list(OrderLine.objects.values_list("pk", flat=True)[:9])
            ).delete()
        return extract.extract(*args)

    monkeypatch.setattr(work, "extract", upset_once)
    job = done(asked(BOOK, consistency="snapshot"))

    assert found_in(job) == then != expected()
    assert not job.events.filter(kind="started_over").exists()


@on_postgres
@pytest.mark.usefixtures("shards_of_10")
def test_a_snapshot_that_is_lost_on_a_later_sheet_has_all_sheets_read_again(monkeypatch):
    read = []

    def told_to_go(job, lease, *args):
        read.append(lease.piece.sheet)
        if lease.piece.sheet == 1 and read.count(1) == 2:
            Order.objects.update(note="changed")
            heartbeat.stop_requested.set()
        return extract.extract(job, lease, *args)

    monkeypatch.setattr(work, "extract", told_to_go)
    job = asked(BOOK, consistency="snapshot")
    work.work(job.pk)
    heartbeat.stop_requested.clear()
    assert {0, 1} == set(read)
    assert found_in(done(job)) == expected()
    assert job.events.filter(kind="started_over").count() == 1


@on_postgres
@pytest.mark.django_db(transaction=True, databases=["default", "archive"])
def test_sheets_may_be_of_two_databases_but_not_of_one_moment(monkeypatch):
    from tests.gallery.models import Relic

    class Relics(exports.Sheet):
        name = "relics"
        model = Relic
        columns = ("name",)

    Relic.objects.create(name="bowl")
    monkeypatch.setattr(exports.OrderBook, "sheets", (exports.BookedLines, Relics))
    with pytest.raises(RequestRefused, match="in archive, default. Valid: live"):
        asked(book(), consistency="snapshot")

    found = found_in(done(asked(book())))
    assert found["Relics"] == [("Name",), ["bowl"]]
    assert found["Order lines"] == expected()["Order lines"]
