"""A finished file is read back before it is handed out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exportapp.exceptions import RequestRefused
from exportapp.jobs import files, lifecycle, merge, slices, work
from exportapp.jobs.journal import Happened
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.models import Order
from tests.gallery.models import Tag
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows
from tests.readers import files as traps
from tests.readers.traps import ROWS

Orders = Callable[[int], None]
Ask = Callable[..., ExportJob]


@pytest.fixture
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 4000)


def end(job: ExportJob) -> ExportJob:
    work.work(job.pk)
    job.refresh_from_db()
    return job


def event(job: ExportJob, kind: str) -> Any:
    return job.events.filter(kind=kind).last()


def changed(path: Path, old: bytes, new: bytes) -> None:
    """The same workbook but for one text in its first sheet, as a fault in writing would be."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = next(name for name in parts if name.startswith("xl/worksheets/"))
    assert old in parts[sheet]
    parts[sheet] = parts[sheet].replace(old, new, 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def spoil(monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    """Have every merge write a file that is wrong, and is committed as it is."""
    true = merge._file

    def make(job: ExportJob, number: int, name: str, written: Any, *rest: Any) -> Any:
        changed(files.local_path(written.path), old, new)
        return true(job, number, name, written, *rest)

    monkeypatch.setattr(merge, "_file", make)


@pytest.mark.usefixtures("small", "short_slices")
def test_every_cell_of_every_sheet_of_every_file_is_read_back(
    orders: Orders, ask_verified: Ask
) -> None:
    orders(500)
    job = ask_verified()
    finish(job)
    assert job.files.count() > 1
    cells = sum(cell is not None for row in order_rows() for cell in row)
    told = event(job, Happened.VERIFIED)
    assert told.message == "500 rows read back equal"
    assert (told.data["rows"], told.data["cells"]) == (500, cells)
    assert told.data["reader"].startswith("python-calamine ")


@pytest.mark.usefixtures("short_slices")
def test_the_worst_of_values_are_no_false_alarm(transactional_db: None, settings: Any) -> None:
    settings.EXPORTAPP_SHARD_ROWS = traps.SHARD_ROWS
    settings.EXPORTAPP_SHEET_ROWS = traps.SHEET_ROWS
    Tag.objects.bulk_create([Tag(name=str(number)) for number in range(ROWS)])
    viewer = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")
    selection = Selection(source="gallery.Tag", site=traps.site.name)
    job, _ = lifecycle.create(selection, viewer, options={"verify": True}, queue=False)
    finish(job)
    assert event(job, Happened.VERIFIED).data["rows"] == ROWS


@pytest.mark.parametrize("size", [50, 100, 1000, 10_000])
@pytest.mark.parametrize(("columns", "cells"), [(("note",), 6), (("note", "number"), 46)])
def test_rows_and_columns_without_any_value_keep_their_place(
    orders: Orders,
    ask_verified: Ask,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    columns: tuple[str, ...],
    cells: int,
    size: int,
) -> None:
    monkeypatch.setattr(slices, "SLICE", size)
    settings.EXPORTAPP_SHARD_ROWS = 10
    orders(40)
    Order.objects.update(note="")
    for place in range(0, 40, 7):
        Order.objects.filter(pk=Order.objects.order_by("pk")[place].pk).update(note=f"at {place}")
    job = ask_verified(columns=columns, order=("pk",))
    finish(job)
    told = event(job, Happened.VERIFIED).data
    assert (told["rows"], told["cells"]) == (40, cells)


def test_an_export_without_rows_is_verified_too(orders: Orders, ask_verified: Ask) -> None:
    orders(0)
    job = ask_verified()
    finish(job)
    assert event(job, Happened.VERIFIED).data["rows"] == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<t>N-000001</t>", b"<t>N-000002</t>", "row 2, column 'Number' is 's:N-000002'"),
        (b'<row r="3">', b'<row r="3"></row><row r="3">', "it has more than 5 rows"),
        (b"</sheetData>", b"<x></sheetData>", "cannot be read back"),
    ],
)
def test_a_file_that_reads_differently_is_not_handed_out(
    orders: Orders,
    ask_verified: Ask,
    monkeypatch: pytest.MonkeyPatch,
    old: bytes,
    new: bytes,
    said: str,
) -> None:
    orders(5)
    for number, order in enumerate(Order.objects.order_by("pk"), 1):
        Order.objects.filter(pk=order.pk).update(number=f"N-{number:06}")
    spoil(monkeypatch, old, new)
    job = end(ask_verified(order=("pk",)))

    assert (job.status, job.error_code) == ("failed", "verification_failed")
    assert said in job.error
    assert not job.files.exists()
    assert job.error in event(job, Happened.ALARM).message
    left = {path.name for path in files.folder(job).iterdir()}
    assert not any(name.startswith("orders") for name in left), "the wrong file is gone"

    monkeypatch.undo()
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows(Order.objects.order_by("pk"))
    assert event(job, Happened.VERIFIED)


def test_a_row_that_is_missing_is_found(
    orders: Orders, ask_verified: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(5)
    true = slices._read

    def without_the_last(archive: Any, title: str, width: int) -> Any:
        for cells in true(archive, title, width):
            yield cells[:-1]

    monkeypatch.setattr(slices, "_read", without_the_last)
    job = end(ask_verified())
    assert "it has 4 of 5 rows" in job.error


def test_without_the_option_nobody_reads(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(5)
    monkeypatch.setattr(merge, "verify", None)
    job = ask()
    finish(job)
    assert event(job, Happened.VERIFIED) is None


def test_an_arrow_file_that_is_damaged_meanwhile_is_made_again(
    orders: Orders, ask_verified: Ask, settings: Any
) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 100
    orders(300)
    job = ask_verified()
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=2)
    files.local_path(shard.arrow_path).write_bytes(b"not what was committed")
    assert data_rows(finish(job)) == order_rows()
    assert event(job, Happened.VERIFIED).data["rows"] == 300
    assert {found.shard for found in job.events.filter(kind=Happened.DAMAGED)} == {2}
    assert not ExportIssue.objects.filter(job=job).exists()


def test_where_there_is_no_reader_the_option_is_refused_with_what_to_install(
    orders: Orders, ask_verified: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(1)
    monkeypatch.setattr(slices, "find_spec", lambda name: None)
    with pytest.raises(RequestRefused, match=r"pip install 'exportapp\[verify\]'"):
        ask_verified()
    assert not ExportJob.objects.exists()


def test_a_memory_of_slices_is_all_that_is_held(
    orders: Orders, ask_verified: Ask, monkeypatch: pytest.MonkeyPatch, short_slices: None
) -> None:
    orders(600)
    sizes: list[int] = []
    true = slices._placed

    def measured(cells: Any, start: Any, rows: bytes, width: int) -> Any:
        sizes.append(len(rows))
        return true(cells, start, rows, width)

    monkeypatch.setattr(slices, "_placed", measured)
    finish(ask_verified())
    assert len(sizes) > 20
    assert max(sizes) <= 2 * slices.SLICE
