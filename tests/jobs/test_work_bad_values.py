"""Values that no cell can hold: blank, cut, left out or the end, and counted with their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from exportapp.jobs import lifecycle, work
from exportapp.models import ExportIssue, ExportJob
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Customer, Order
from tests.jobs.conftest import finish
from tests.jobs.test_work import events
from tests.oracle import data_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def test_bad_values_are_blank_and_counted_with_their_rows(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(100)
    settings.EXPORTAPP_SHARD_ROWS = 30

    def raises(self: Customer) -> str:
        if self.pk % 2:
            raise ValueError("no name today")
        return self.name

    monkeypatch.setattr(Customer, "shout", raises, raising=False)
    monkeypatch.setattr("project.shop.admin.CustomerAdmin.export_columns", ("id", "shout"))
    job = ask("shop.Customer")
    rows = data_rows(finish(job))
    assert [row[1] for row in rows if int(row[0]) % 2] == [None] * len(rows[::2])
    job.refresh_from_db()
    odd = Customer.objects.filter(pk__in=range(1, 10_000, 2)).count()
    assert job.issues_counted == {"callable_raised": odd}
    issue = ExportIssue.objects.filter(job=job).order_by("shard").first()
    assert issue is not None
    assert (issue.column, issue.layer) == ("shout", "semantic")
    assert "no name today" in issue.message


def test_the_policy_fail_stops_at_the_first_bad_value(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(100)

    def raises(self: Customer) -> str:
        raise ValueError("no name today")

    monkeypatch.setattr(Customer, "shout", raises, raising=False)
    monkeypatch.setattr("project.shop.admin.CustomerAdmin.export_columns", ("id", "shout"))
    job = ask("shop.Customer")
    ExportJob.objects.update(policy="fail")
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "row_refused")
    assert "shout" in job.error and "no name today" in job.error


def test_one_bad_value_sends_its_own_shard_to_the_orm_reader_and_no_other(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    if connection.vendor != "postgresql":
        # SQLite has no NaN to store; the policy's tests cover its reader.
        return
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    bad = Order.objects.all()[150]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_order SET amount = 'NaN' WHERE id = %s", [bad.pk])
    job = ask()
    rows = data_rows(finish(job))
    assert [row[0] for row in rows if row[3] is None] == [bad.number]
    used = {event.shard: event.data["reader"] for event in events(job, "extracted")}
    assert used == {1: "copy", 2: "orm", 3: "copy"}
    assert ExportIssue.objects.get(job=job).key == str(bad.pk)


def test_texts_that_a_cell_cannot_hold_are_counted(orders: Orders, ask: Ask) -> None:
    orders(20)
    first, second = Order.objects.all()[:2]
    Order.objects.filter(pk=first.pk).update(note="x" * 40_000)
    Order.objects.filter(pk=second.pk).update(note="a\x01b")
    job = ask()
    rows = data_rows(finish(job))
    assert len(rows[0][10]) == 32_767
    assert rows[1][10] == "a\ufffdb"
    job.refresh_from_db()
    assert job.issues_counted == {"text_cut": 1, "characters_replaced": 1}
    kept = {issue.code: issue for issue in ExportIssue.objects.filter(job=job)}
    assert kept["text_cut"].key == str(first.pk)
    assert kept["characters_replaced"].key == str(second.pk)
    assert kept["characters_replaced"].value == repr("a\x01b")
    assert {(issue.column, issue.spec_fingerprint) for issue in kept.values()} == {
        ("note", job.spec_fingerprint)
    }


def test_only_the_first_issues_of_a_code_are_kept_with_their_rows(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(60)
    Order.objects.update(note="a\x01b")
    monkeypatch.setattr("exportapp.jobs.tally.ISSUES_KEPT", 25)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    finish(job)
    assert job.issues_counted == {"characters_replaced": 60}
    assert ExportIssue.objects.filter(job=job).count() == 25
    if connection.vendor == "postgresql":
        readers = [event.data["reader"] for event in events(job, "extracted")]
        assert readers == ["copy"] * 6, "it knows the keys of its rows"


def test_what_a_cell_cannot_hold_whole_ends_an_export_that_is_to_be_strict(
    orders: Orders, operator: Viewer
) -> None:
    orders(20)
    bad = Order.objects.all()[7]
    Order.objects.filter(pk=bad.pk).update(note="x" * 40_000)
    job, _ = lifecycle.create(Selection(source="shop.Order"), operator, policy="fail", queue=False)
    with pytest.raises(AssertionError, match=f"Row {bad.pk}, column 'note': Texts were cut"):
        finish(job)
    assert job.error_code == "row_refused"


@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_rows_that_a_sheet_cannot_hold_whole_are_left_out_where_that_is_asked(
    orders: Orders, operator: Viewer, settings: Any, reader: str
) -> None:
    orders(60)
    settings.EXPORTAPP_READER, settings.EXPORTAPP_SHARD_ROWS = reader, 25
    cut, replaced, both = Order.objects.all()[5], Order.objects.all()[30], Order.objects.all()[31]
    Order.objects.filter(pk=cut.pk).update(note="x" * 40_000)
    Order.objects.filter(pk=replaced.pk).update(note="a\x01b")
    Order.objects.filter(pk=both.pk).update(note="a\x01b" + "x" * 40_000)
    job, _ = lifecycle.create(Selection(source="shop.Order"), operator, policy="skip", queue=False)
    rows = data_rows(finish(job))
    gone = {cut.number, replaced.number, both.number}
    assert [row[0] for row in rows] == [
        order.number for order in Order.objects.all() if order.number not in gone
    ]
    assert job.issues_counted == {"text_cut": 2, "characters_replaced": 2}
    named = {(issue.code, issue.key) for issue in ExportIssue.objects.filter(job=job)}
    assert named == {
        ("text_cut", str(cut.pk)),
        ("text_cut", str(both.pk)),
        ("characters_replaced", str(replaced.pk)),
        ("characters_replaced", str(both.pk)),
    }
