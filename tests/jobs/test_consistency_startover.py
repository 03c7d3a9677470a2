"""A snapshot that is gone before all rows are read: reading starts over in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from exportapp.jobs import extract, files, lifecycle, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.layout import Layout
from exportapp.models import ExportJob, ExportShard
from tests.jobs.conftest import finish
from tests.jobs.moments import (
    Ask,
    Before,
    events,
    on_postgres,
    require_none_open,
    snapshots_open,
    upset,
)
from tests.oracle import data_rows, order_rows

Orders = Callable[[int], None]


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
