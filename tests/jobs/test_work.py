from __future__ import annotations

import errno
import zlib
from collections.abc import Callable
from typing import Any

import isal.isal_zlib
import pytest
from django.db import OperationalError, connection

from exportapp.jobs import extract, files, lifecycle, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.models import ExportEvent, ExportIssue, ExportJob, ExportShard
from exportapp.tables.selection import Selection, Viewer
from exportapp.xlsx import PartWriter
from project.shop.models import Customer, Order
from tests.jobs.conftest import finish
from tests.oracle import TITLES, data_rows, order_rows, sheet_parts, sheets

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def spool(job: ExportJob) -> set[str]:
    return {path.name for path in files.folder(job).iterdir()}


def events(job: ExportJob, kind: str) -> list[ExportEvent]:
    return list(ExportEvent.objects.filter(job=job, kind=kind))


def test_every_cell_of_the_file_is_the_database_s_value(orders: Orders, ask: Ask) -> None:
    orders(1500)
    path = finish(ask())
    (rows,) = sheets(path).values()
    assert rows[0] == TITLES
    assert rows[1:] == order_rows()


def test_many_shards_make_the_same_sheet_as_one(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(1500)
    whole = sheet_parts(finish(ask()))
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_BATCH_ROWS = 33
    job = ask()
    assert sheet_parts(finish(job)) == whole
    assert ExportShard.objects.filter(job=job).count() == 15


def test_rows_go_on_to_a_next_sheet_with_the_header_again(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(1000)
    settings.EXPORTAPP_SHARD_ROWS = 300
    settings.EXPORTAPP_SHEET_ROWS = 450
    path = finish(ask())
    found = sheets(path)
    assert [len(rows) for rows in found.values()] == [451, 451, 101]
    assert all(rows[0] == TITLES for rows in found.values())
    assert data_rows(path) == order_rows()


def test_a_workbook_that_would_grow_too_large_goes_on_in_the_next(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(1000)
    settings.EXPORTAPP_SHARD_ROWS = 250
    settings.EXPORTAPP_SHEET_ROWS = 250
    settings.EXPORTAPP_WORKBOOK_BYTES = 60_000
    job = ask()
    finish(job)
    made = list(job.files.all())
    assert len(made) > 1
    assert [file.filename for file in made][:2] == ["orders-1.xlsx", "orders-2.xlsx"]
    rows = [row for file in made for row in data_rows(files.local_path(file.path))]
    assert rows == order_rows()


def test_each_shard_is_a_workbook_with_its_rows_at_their_final_numbers(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    monkeypatch.setattr(files, "remove_except", lambda job, keep: 0)
    job = ask()
    whole = sheets(finish(job))["Orders"]
    second = ExportShard.objects.get(job=job, number=2)
    rows = sheets(files.local_path(second.xlsx_path))["Orders"]
    assert rows[0] == TITLES
    assert rows[101:201] == whole[101:201]


def test_the_merge_gives_nothing_to_an_inflater_and_no_row_to_a_deflater(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(600)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "merging")
    inflated: list[Any] = []
    deflated: list[int] = []

    def refuse(*args: Any, **options: Any) -> Any:
        inflated.append(args)
        raise AssertionError("the merge inflates")

    class CountedPart(PartWriter):
        def rows(self, batches: Any, rows: int) -> Any:
            held = list(batches)
            deflated.append(sum(len(batch) for batch in held))
            return super().rows(held, rows)

    for module in (zlib, isal.isal_zlib):
        monkeypatch.setattr(module, "decompressobj", refuse)
        monkeypatch.setattr(module, "decompress", refuse)
    monkeypatch.setattr("exportapp.xlsx.package.PartWriter", CountedPart)
    assert work.step(job)
    monkeypatch.undo()
    job.refresh_from_db()
    (size,) = (len(part) for part in sheet_parts(finish(job)).values())
    assert inflated == []
    # openpyxl's skeleton and the header row go through it; 600 rows do not.
    assert 0 < sum(deflated) < size / 10


def test_an_empty_table_gives_a_file_with_a_header(orders: Orders, ask: Ask) -> None:
    orders(0)
    path = finish(ask())
    assert sheets(path) == {"Orders": [TITLES]}


def test_rows_deleted_after_planning_leave_no_gap(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    plan_only(job)
    second = list(Order.objects.values_list("pk", flat=True)[100:200])
    Order.objects.filter(pk__in=second).delete()
    path = finish(job)
    assert data_rows(path) == order_rows()
    laid_out = events(job, "laid_out")[-1]
    assert (laid_out.data["planned"], laid_out.data["extracted"]) == (300, 200)


def plan_only(job: ExportJob) -> None:
    work.step(job)
    work.step(job)
    job.refresh_from_db()
    assert job.planned_at is not None


def step_until(job: ExportJob, state: str) -> None:
    while job.status != state:
        assert work.step(job)
        job.refresh_from_db()


def test_a_shard_damaged_before_the_merge_is_made_again_and_only_that(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=3)
    path = files.local_path(shard.xlsx_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    fences = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    assert data_rows(finish(job)) == order_rows()
    after = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    assert after == fences | {3: fences[3] + 1}
    assert [event.shard for event in events(job, "damaged")] == [3]


def test_rows_of_a_truncated_spool_file_are_read_again(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    shard = ExportShard.objects.get(job=job, number=2)
    path = files.local_path(shard.arrow_path)
    path.write_bytes(path.read_bytes()[:-100])
    # Meanwhile a row went: everything behind it moves up, also what was rendered in its old place.
    gone = Order.objects.values_list("pk", flat=True)[150]
    Order.objects.filter(pk=gone).delete()
    assert data_rows(finish(job)) == order_rows()
    assert ExportShard.objects.get(job=job, number=1).fence == 2


def test_rows_may_lie_on_the_disk_in_any_way_that_a_worker_was_told(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "extracting")
    work.step(job)
    for way in ("none", "lz4", "zstd"):
        settings.EXPORTAPP_SPOOL_COMPRESSION = way
        work.step(job)
    shards = ExportShard.objects.filter(job=job).order_by("number")
    plain, lz4, zstd = (files.local_path(shard.arrow_path).stat().st_size for shard in shards)
    assert plain > lz4 > zstd
    assert data_rows(finish(job)) == order_rows()


def test_when_counts_change_what_was_rendered_for_another_place_is_made_again(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=2)
    for path in (shard.xlsx_path, shard.arrow_path):
        files.local_path(path).write_bytes(b"not what was committed")
    Order.objects.filter(pk=Order.objects.values_list("pk", flat=True)[150]).delete()
    assert data_rows(finish(job)) == order_rows()
    fences = ExportShard.objects.filter(job=job).order_by("number").values_list("fence", flat=True)
    assert fences[0] == 2, "what lies before it keeps its place"
    assert all(fence > 2 for fence in fences[1:])


def test_a_transient_error_is_tried_again(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(50)
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.01)
    calls = []

    def flaky(*args: Any) -> Any:
        calls.append(args)
        if len(calls) < 3:
            raise OperationalError("server closed the connection unexpectedly")
        return extract.extract(*args)

    monkeypatch.setattr(work, "extract", flaky)
    job = ask()
    assert data_rows(finish(job)) == order_rows()
    assert len(events(job, "retried")) == 2


def test_transient_errors_without_end_fail_the_job_with_the_last_error(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(50)
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.01)
    settings.EXPORTAPP_MAX_ATTEMPTS = 3

    def broken(*args: Any) -> Any:
        raise OperationalError("no route to host")

    monkeypatch.setattr(work, "extract", broken)
    job = ask()
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    assert "shard 1" in job.error and "no route to host" in job.error
    assert len(events(job, "retried")) == 2


def test_a_full_disk_fails_at_once_and_leaves_no_part_file(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(50)

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    job = ask()
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "enospc")
    assert "No space left" in job.error
    assert spool(job) == set()
    monkeypatch.undo()


def test_a_stop_between_batches_hands_the_lease_back_and_loses_nothing(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(400)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")
    stop_requested.set()
    assert work.step(job)
    shard = ExportShard.objects.get(job=job, number=1)
    assert (shard.status, shard.lease_until, shard.attempts) == ("extracted", None, 0)
    assert not any(name.endswith(".part") for name in spool(job))
    stop_requested.clear()
    assert data_rows(finish(job)) == order_rows()


def test_only_the_file_is_left_when_it_is_done(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(400)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    path = finish(job)
    assert spool(job) == {path.name}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


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


def test_changed_code_stops_the_export_and_says_what_differs(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask("shop.Product")
    monkeypatch.setattr("project.shop.admin.ProductAdmin.list_display", ("sku", "name", "id"))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "source_changed")
    assert "gone: price, weight" in job.error and "new: id" in job.error


def test_work_on_a_job_that_is_gone_or_done_does_no_harm(orders: Orders, ask: Ask) -> None:
    orders(10)
    job = ask()
    path = finish(job)
    before = path.stat().st_mtime_ns
    work.work(job.pk)
    work.work("00000000-0000-0000-0000-000000000000")
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_either_reader_makes_the_same_sheet(
    orders: Orders, ask: Ask, settings: Any, reader: str
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 200
    settings.EXPORTAPP_READER = reader
    job = ask()
    assert data_rows(finish(job)) == order_rows()
    used = {event.data["reader"] for event in events(job, "extracted")}
    copies = connection.vendor == "postgresql" and reader == "auto"
    assert used == {"copy" if copies else "orm"}
    assert all(bool(event.data["why"]) != copies for event in events(job, "extracted"))


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
