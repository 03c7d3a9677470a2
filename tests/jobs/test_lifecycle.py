"""What becomes of an export: paused, resumed, cancelled, started over, and taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from exportapp.exceptions import (
    IllegalTransition,
)
from exportapp.jobs import delivery, lifecycle, work
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.selection import Selection, Viewer
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def view(user: Any) -> Viewer:
    return Viewer(user=user, language="en", time_zone="UTC")


def test_a_right_that_is_withdrawn_stops_the_export(
    orders: Orders, clerk: User, settings: Any
) -> None:
    orders(200)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job, _ = lifecycle.create(Selection(source="shop.Order"), view(clerk))
    step_until(job, "extracting")
    work.step(job)
    work.step(job)
    clerk.user_permissions.clear()
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "not_allowed")
    assert "shop.export_order" in job.error
    states = ExportShard.objects.filter(job=job).order_by("number").values_list("status", flat=True)
    assert list(states) == ["extracted", "failed"], "no row is read after the right is gone"


def test_a_right_that_is_withdrawn_stops_a_worker_that_goes_from_shard_to_shard(
    orders: Orders, clerk: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job, _ = lifecycle.create(Selection(source="shop.Order"), view(clerk))
    committed = work._committed

    def withdrawn_after_the_second(job: ExportJob, lease: Any, *args: Any, **data: Any) -> None:
        committed(job, lease, *args, **data)
        if lease.piece.number == 2:
            clerk.user_permissions.clear()

    monkeypatch.setattr(work, "_committed", withdrawn_after_the_second)
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "not_allowed")
    states = ExportShard.objects.filter(job=job).order_by("number").values_list("status", flat=True)
    assert list(states) == ["extracted", "extracted", "failed"]


def test_the_export_of_a_deleted_person_does_not_run_as_anybody_else(
    orders: Orders, clerk: User
) -> None:
    orders(5)
    job, _ = lifecycle.create(Selection(source="shop.Order"), view(clerk))
    clerk.delete()
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "not_allowed")


def test_a_pause_with_nobody_at_work_is_done_at_once(ask: Ask, orders: Orders) -> None:
    orders(5)
    job = ask()
    assert lifecycle.pause(job).status == JobState.PAUSED
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == JobState.PAUSED
    assert lifecycle.resume(job).status == JobState.QUEUED
    assert data_rows(finish(job)) == order_rows()


def test_what_is_finished_is_not_made_again_after_a_resume(
    ask: Ask, orders: Orders, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    work.step(job)
    lifecycle.pause(job)
    fences = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    lifecycle.resume(job)
    assert data_rows(finish(job)) == order_rows()
    after = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    assert [after[number] - fences[number] for number in sorted(after)] == [
        0,
        0,
        1,
        1,
        1,
    ]


def test_a_worker_lets_go_at_its_next_batch_when_asked(
    ask: Ask, orders: Orders, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(400)
    settings.EXPORTAPP_READER = "orm"
    settings.EXPORTAPP_BATCH_ROWS = 50
    settings.EXPORTAPP_BEAT_SECONDS = 0
    job = ask()
    work.step(job)
    work.step(job)
    from exportapp.jobs import extract

    seen: list[int] = []
    read = extract.read

    def reading(*args: Any, **options: Any) -> Any:
        for chunk in read(*args, **options):
            seen.append(chunk.rows_read)
            if len(seen) == 3:
                lifecycle.cancel(ExportJob.objects.get(pk=job.pk))
            yield chunk

    monkeypatch.setattr(extract, "read", reading)
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == JobState.CANCELLED
    assert sum(seen) == 150
    monkeypatch.undo()
    settings.EXPORTAPP_BEAT_SECONDS = 1
    lifecycle.resume(job)
    assert data_rows(finish(job)) == order_rows()


def test_a_failed_job_goes_on_after_the_mend(
    ask: Ask, orders: Orders, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")

    def broken(*args: Any) -> Any:
        raise ValueError("a fault in the code")

    monkeypatch.setattr(work, "render", broken)
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "valueerror")
    assert "shard 1: ValueError: a fault in the code" in job.error
    monkeypatch.undo()
    lifecycle.resume(job)
    assert job.error == ""
    failed = ExportShard.objects.filter(job=job, status=ShardState.FAILED)
    assert not failed.exists()
    assert data_rows(finish(job)) == order_rows()


@pytest.mark.parametrize("deed", [lifecycle.pause, lifecycle.resume, lifecycle.cancel])
def test_a_finished_job_can_be_neither_paused_nor_resumed_nor_cancelled(
    ask: Ask, orders: Orders, deed: Callable[..., Any]
) -> None:
    orders(5)
    job = ask()
    finish(job)
    with pytest.raises(IllegalTransition, match="Ready"):
        deed(job)


def test_resuming_beside_an_equal_active_export_is_refused(ask: Ask, orders: Orders) -> None:
    orders(5)
    job = ask()
    lifecycle.cancel(job)
    assert ask().pk != job.pk
    with pytest.raises(IllegalTransition, match="already running"):
        lifecycle.resume(job)
    job.refresh_from_db()
    assert job.status == JobState.CANCELLED


def test_a_download_is_noted_with_who_took_it(orders: Orders, clerk: User) -> None:
    orders(5)
    job, _ = lifecycle.create(Selection(source="shop.Order"), view(clerk))
    with pytest.raises(IllegalTransition, match="Queued"):
        delivery.deliver(job, clerk)
    path = finish(job)
    assert delivery.deliver(job, clerk).path == path
    assert not ExportEvent.objects.filter(job=job, kind="downloaded").exists(), "not sent yet"
    delivery.note(job, clerk, 1, "orders.xlsx", resumed=False)
    event = ExportEvent.objects.get(job=job, kind="downloaded")
    assert event.user == clerk


def test_an_export_whose_columns_changed_is_started_over_as_the_same_person(
    orders: Orders, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    selection = Selection(source="shop.Order", query={"status": ["paid"]})
    job, _ = lifecycle.create(selection, view(clerk), policy="skip")
    with pytest.raises(IllegalTransition, match="cancel it before"):
        lifecycle.start_over(job)
    ExportJob.objects.filter(pk=job.pk).update(spec_fingerprint="that of other code")
    work.work(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "Start it over" in job.error

    new = lifecycle.start_over(job, user=clerk)

    finish(new)
    new.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, new.state) == (JobState.FAILED, JobState.SUCCEEDED)
    assert (new.selection, new.requested_by, new.policy) == (job.selection, clerk, "skip")
    told = job.events.get(kind="started_over")
    assert (told.user, told.data) == (clerk, {"export": str(new.pk)})
