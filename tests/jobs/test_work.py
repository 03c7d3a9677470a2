"""An export from its request to its file: every row, on its sheet, at its place, once."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import isal.isal_zlib
import pytest
from django.db import connection

from exportapp.jobs import files, work
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.xlsx import PartWriter
from project.shop.models import Order
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


def test_only_the_file_is_left_when_it_is_done(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(400)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    path = finish(job)
    assert spool(job) == {path.name}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


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
