"""A shard before the whole is ready, and the whole before its time is over: taken, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User

from exportapp.exceptions import (
    FileDamaged,
    FileExpired,
    FileUnknown,
    IllegalTransition,
    NotAllowed,
    SourceChanged,
)
from exportapp.jobs import delivery, lifecycle, work
from exportapp.jobs.early import deliver_shard
from exportapp.jobs.files import local_path
from exportapp.jobs.leases import claim_shard
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.selection import Selection, Viewer
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def root(transactional_db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.mark.parametrize("strings", ["inline", "auto", "shared"])
def test_a_written_shard_is_a_workbook_with_its_rows_at_their_places(
    orders: Orders, settings: Any, root: User, strings: str
) -> None:
    orders(20)
    settings.EXPORTAPP_SHARD_ROWS = 10
    viewer = Viewer(user=root, language="en", time_zone="UTC")
    selection = Selection(source="shop.Order")
    job, _ = lifecycle.create(selection, viewer, options={"strings": strings}, queue=False)
    step_until(job, "rendering")
    with pytest.raises(IllegalTransition, match="Shard 2 is “Read”; its file is not there yet"):
        deliver_shard(job, root, 2)
    work.step(job)
    work.step(job)

    early = deliver_shard(job, root, 2)
    content = b"".join(early.content.read(0, early.size))
    sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]

    assert early.filename == "orders-00002.xlsx"
    job.filename = "..\\orders\u202e.xlsx"  # somebody else may have changed it
    assert deliver_shard(job, root, 2).filename == "orders-00002.xlsx"
    numbers = [row[0].value for row in sheet.iter_rows(min_row=12, max_row=21)]
    assert numbers == [row[0] for row in order_rows()[10:]]
    for error, number in ((FileUnknown, 3), (FileUnknown, 0)):
        with pytest.raises(error, match=f"no shard {number}"):
            deliver_shard(job, root, number)
    with pytest.raises(NotAllowed):
        deliver_shard(job, User.objects.create_user("eve", is_staff=True), 2)


def test_a_shard_that_is_gone_is_a_clear_answer(
    orders: Orders, ask: Ask, root: User, settings: Any
) -> None:
    orders(20)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    shard = ExportShard.objects.get(job=job, number=1)
    local_path(shard.xlsx_path).write_bytes(b"short")
    with pytest.raises(FileDamaged, match="shard 1 is not what was committed"):
        deliver_shard(job, root, 1)
    local_path(shard.xlsx_path).unlink()
    with pytest.raises(FileDamaged, match="or gone"):
        deliver_shard(job, root, 1)

    finish(job)
    with pytest.raises(FileExpired, match="take the file"):
        deliver_shard(job, root, 1)
    lifecycle.discard(job, user=root)
    with pytest.raises(FileExpired, match="time of this export is over"):
        deliver_shard(job, root, 1)


def test_what_a_person_deletes_is_gone_at_once_and_who_took_it_stays_on_record(
    orders: Orders, ask: Ask, root: User
) -> None:
    orders(5)
    job = ask()
    path = finish(job)
    delivery.note(job, root, 1, "orders.xlsx", resumed=False)

    lifecycle.discard(job, user=root)

    assert job.state == JobState.EXPIRED
    assert not path.exists() and not path.parent.exists()
    assert job.files.get().sha256 and delivery.manifest_of(job)
    assert job.events.filter(kind="downloaded", user=root).exists()
    assert job.events.filter(kind="moved", data__after="expired", user=root).exists()
    with pytest.raises(IllegalTransition):
        lifecycle.discard(job, user=root)


def test_what_runs_or_is_still_held_is_not_deleted(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(20)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    for state in (JobState.QUEUED, JobState.PAUSED):
        assert (job.state, job.can_discard) == (state, False)
        with pytest.raises(IllegalTransition, match="cannot become “Expired”"):
            lifecycle.discard(job)
        if state == JobState.QUEUED:
            lifecycle.pause(job)
    lifecycle.resume(job, queue=False)
    step_until(job, "extracting")
    work.step(job)
    lease = claim_shard(job, ShardState.PENDING)
    ExportJob.objects.filter(pk=job.pk).update(status=JobState.FAILED)
    job.refresh_from_db()
    with pytest.raises(IllegalTransition, match="still lets go"):
        lifecycle.discard(job)
    assert lease
    lease.release()
    lifecycle.discard(job)


def test_resume_says_what_differs_when_the_columns_have_changed(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(5)
    job = ask("shop.Product")
    lifecycle.pause(job)
    admin = "project.shop.admin.ProductAdmin"
    before = ("sku", "name", "price", "weight")
    monkeypatch.setattr(f"{admin}.list_display", ("sku", "name", "id"))

    with pytest.raises(SourceChanged, match="gone: price, weight; new: id"):
        lifecycle.resume(job, queue=False)
    job.refresh_from_db()
    assert job.state == JobState.PAUSED
    # What else the code does wrong is for a worker to say.
    monkeypatch.setattr(f"{admin}.list_display", before)
    monkeypatch.setattr(f"{admin}.get_queryset", lambda self, request: 1 / 0)
    lifecycle.resume(job, queue=False)
    assert job.state == JobState.QUEUED
