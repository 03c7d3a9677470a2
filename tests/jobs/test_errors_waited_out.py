"""A worker that sits out a back-off, or the time that its database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connections

from exportapp.jobs import lifecycle, work
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.leases import Lease
from exportapp.jobs.reconcile import recover
from exportapp.models import ExportJob, ExportShard
from tests.jobs.conftest import finish
from tests.jobs.test_errors import wrapped
from tests.jobs.test_errors_in_pieces import break_piece
from tests.jobs.test_work import events
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

pytestmark = pytest.mark.usefixtures("no_back_off")


def waiting_worker(job: ExportJob) -> threading.Thread:
    """A worker that sits in the back-off of a piece, one of fifty seconds."""

    def run() -> None:
        try:
            work.work(job.pk, seconds=60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def sitting(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> tuple[ExportJob, threading.Thread]:
    """An export in a back-off, and the worker that sits it out."""
    orders(30)
    job = ask()
    monkeypatch.setattr("exportapp.jobs.attempts.backoff", lambda attempt: 50.0)
    monkeypatch.setattr("exportapp.jobs.patience.PATIENCE_SECONDS", 50.0)
    break_piece(monkeypatch, "extract", wrapped("40001"), times=1)
    seated = threading.Event()

    class Seated(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            seated.set()
            return super().wait(timeout)

    monkeypatch.setattr("exportapp.jobs.patience.stop_requested", Seated())
    worker = waiting_worker(job)
    assert seated.wait(60)
    return job, worker


@pytest.mark.parametrize(("deed", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_back_off_does_not_keep_a_person_waiting(
    sitting: tuple[ExportJob, threading.Thread], deed: str, state: str
) -> None:
    job, worker = sitting
    job.refresh_from_db()
    getattr(lifecycle, deed)(job)
    assert job.status == state, "nobody holds a piece in a back-off, so it is done at once"
    worker.join(40)
    assert not worker.is_alive(), "the worker goes before the fifty seconds are over"


def test_a_resume_ends_the_back_off_that_a_worker_sits_in(
    sitting: tuple[ExportJob, threading.Thread],
) -> None:
    job, worker = sitting
    job.refresh_from_db()
    ExportShard.objects.filter(job=job).update(not_before=None, attempts=0)
    worker.join(40)
    job.refresh_from_db()
    assert not worker.is_alive()
    assert job.status == "extracting", "there was nothing put off any more: the next one does it"


def test_a_hand_back_waits_for_the_database_that_keeps_it(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    job = ask()
    release = Lease.release
    refused: list[str] = []

    def away(lease: Lease, **changes: Any) -> None:
        if len(refused) < 3:
            refused.append("no")
            raise [OperationalError, InterfaceError][len(refused) % 2]("away")
        release(lease, **changes)

    monkeypatch.setattr(Lease, "release", away)
    break_piece(monkeypatch, "extract", wrapped("40001"), times=1)
    assert data_rows(finish(job)) == order_rows()
    assert len(refused) == 3
    assert not recover(job), "no lease was lost by it"
    assert len(events(job, "retried")) == 1


def test_a_worker_that_is_to_go_does_not_wait_for_the_database(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    job = ask()

    def away(lease: Lease, **changes: Any) -> None:
        stop_requested.set()
        raise OperationalError("away")

    monkeypatch.setattr(Lease, "release", away)
    break_piece(monkeypatch, "extract", wrapped("40001"))
    with pytest.raises(OperationalError, match="away"):
        work.work(job.pk)
