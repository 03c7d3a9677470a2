"""What ends the work early: errors, a full disk, a stop, changed code; and how it goes on."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from exportapp.jobs import extract, lifecycle, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.leases import Lease
from exportapp.models import ExportJob, ExportShard
from tests.jobs.conftest import finish
from tests.jobs.test_work import events, spool, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


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


@pytest.mark.parametrize("phase", ["extracted", "rendered"])
def test_no_shard_is_begun_after_a_pause_between_two(
    phase: str, orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    committed = work._committed

    def paused_after_the_second(job: ExportJob, lease: Lease, *args: Any, **data: Any) -> None:
        committed(job, lease, *args, **data)
        if lease.piece.status == phase and lease.piece.number == 2:
            lifecycle.pause(ExportJob.objects.get(pk=job.pk))

    monkeypatch.setattr(work, "_committed", paused_after_the_second)
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "paused"
    assert ExportShard.objects.filter(job=job, status=phase).count() == 2
    assert not events(job, "released") and not events(job, "refused")
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()


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
