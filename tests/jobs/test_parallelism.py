"""How many workers an export wakes, and when one of them makes way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db.models.functions import Now
from redis import Redis
from rq import Queue

from exportapp.jobs import patience, phases, tasks, traffic, wakeups, work
from exportapp.jobs.leases import claim_job, claim_shard
from exportapp.jobs.plan import plan
from exportapp.jobs.recall import recall
from exportapp.jobs.transitions import fail, try_move
from exportapp.jobs.wakeups import make_way, wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from project.demo.valkey import free_port
from tests.jobs.conftest import void

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def job(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Ten shards, planned and not yet read; four workers may share them."""
    orders(100)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    ExportJob.objects.update(parallelism=4)
    work.step(job)
    work.step(job)
    django_rq.get_queue("exports").empty()
    job.refresh_from_db()
    return job


def waiting() -> list[str]:
    return [job.args[0] for job in django_rq.get_queue("exports").jobs]


def staff(*, workers: int, busy: int = 0, at: ExportJob | None = None) -> None:
    """What RQ writes down of workers, and of what they are busy with."""
    redis = django_rq.get_connection("exports")
    for number in range(workers):
        redis.sadd("rq:workers:exports", f"rq:worker:{number}")
    for number in range(busy):
        redis.zadd("rq:wip:exports", {f"export-{at and at.pk}-{number}:execution": 2e9})


def long_ago() -> None:
    ExportJob.objects.update(woken_at=Now() - timedelta(minutes=1))


@pytest.mark.parametrize(
    ("workers", "busy", "woken"), [(0, 0, 1), (1, 1, 1), (2, 1, 1), (3, 1, 2), (3, 0, 3), (9, 1, 3)]
)
def test_as_many_are_woken_as_are_idle_and_one_where_nobody_is(
    job: ExportJob, workers: int, busy: int, woken: int
) -> None:
    staff(workers=workers, busy=busy)
    wake(job, 3)
    assert len(waiting()) == woken


@pytest.mark.parametrize(("at_it", "called"), [(1, 1), (2, 0), (3, 0)])
def test_where_rendering_begins_only_who_is_missing_is_called(
    job: ExportJob, at_it: int, called: int
) -> None:
    ExportJob.objects.update(parallelism=2)
    staff(workers=4, busy=at_it, at=job)
    while work.step(job) and job.state != JobState.RENDERING:
        pass
    assert len(waiting()) == called


def test_workers_to_whom_something_that_waits_will_go_are_not_idle(job: ExportJob) -> None:
    staff(workers=3)
    for _ in range(2):
        django_rq.get_queue("exports", commit_mode="auto").enqueue(wakeups.RECONCILE)
    wake(job, 3)
    assert len(django_rq.get_queue("exports")) == 2 + 1


def test_an_export_that_waits_on_purpose_wakes_one(job: ExportJob) -> None:
    staff(workers=9)
    ExportJob.objects.update(waiting_for="the database")
    wake(job, 3)
    assert len(waiting()) == 1
    job.refresh_from_db()
    long_ago()
    django_rq.get_queue("exports").empty()
    assert not make_way(job)
    assert waiting() == [], "and calls nobody to help"


def test_a_worker_makes_way_for_whoever_else_waits(job: ExportJob) -> None:
    django_rq.get_queue("exports", commit_mode="auto").enqueue(wakeups.WORK, "another")
    assert make_way(job)
    assert waiting() == ["another", str(job.pk)], "and comes again behind them"


def test_its_own_wake_ups_are_nobody_else(job: ExportJob) -> None:
    wake(job)
    assert not make_way(job)
    assert waiting() == [str(job.pk)]


def test_one_piece_is_done_before_it_makes_way(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    django_rq.get_queue("exports", commit_mode="auto").enqueue(wakeups.WORK, "another")
    tasks.work(str(job.pk))
    assert job.events.filter(kind="extracted").count() == 1
    assert waiting() == ["another", str(job.pk)]


def test_a_foreground_export_makes_way_for_nobody(job: ExportJob) -> None:
    django_rq.get_queue("exports", commit_mode="auto").enqueue(wakeups.WORK, "another")
    work.work(job.pk, seconds=float("inf"))
    job.refresh_from_db()
    assert job.status == "succeeded"


def test_idle_workers_are_called_to_help_one_at_a_time(job: ExportJob) -> None:
    staff(workers=9, busy=1, at=job)
    long_ago()
    job.refresh_from_db()
    assert not make_way(job) and waiting() == [str(job.pk)]
    django_rq.get_queue("exports").empty()
    assert not make_way(job) and waiting() == [], "who was called may not have come yet"
    long_ago()
    assert not make_way(job) and waiting() == [str(job.pk)], "the job need not be read before"


def test_never_more_than_its_parallelism_are_called(job: ExportJob) -> None:
    staff(workers=9, busy=4, at=job)
    long_ago()
    job.refresh_from_db()
    assert not make_way(job)
    assert waiting() == [], "four are at it"
    wake(job, 3)
    assert len(waiting()) == 1


def test_nobody_is_called_for_the_last_shard(job: ExportJob) -> None:
    staff(workers=9)
    for _ in range(9):
        work.step(job)
    long_ago()
    job.refresh_from_db()
    assert not make_way(job) and waiting() == []


def test_a_worker_that_rq_asked_to_end_makes_way(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RQ_WORKER_ID", "one")
    assert not make_way(job)
    redis = django_rq.get_connection("exports")
    redis.hset("rq:worker:one", "shutdown_requested_date", "2026-01-01")
    assert make_way(job)
    assert waiting() == [str(job.pk)]


def test_without_redis_all_are_woken_and_nobody_makes_way(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Queue("exports", connection=Redis(port=free_port(), retry=None))
    asked = []
    monkeypatch.setattr(traffic, "open_queue", lambda: asked.append(1) or nowhere)
    assert not make_way(job)
    assert not make_way(job)
    assert asked == [1], "it is left alone for a while"
    assert wakeups._wanted(job, 3) == 3


def test_an_export_that_fails_while_it_is_planned_says_why(
    ask: Callable[..., ExportJob], orders: Callable[[int], None], settings: Any
) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 10
    orders(30)
    job = ask()
    assert try_move(job, JobState.EXTRACTING, "a worker took it up")
    lease = claim_job(job)
    assert lease

    # Another worker reads what is planned already, and comes upon a row that it cannot read.
    plan(job, lease, recall(job), lambda: void(fail(job, "row_refused", "Row 7 cannot be read")))

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobState.FAILED, "row_refused")
    assert job.error == "Row 7 cannot be read"


def test_a_worker_that_waits_for_the_last_shard_of_another_goes_on_with_its_rendering(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would end, and be called again into a new process."""
    while ExportShard.objects.filter(job=job, status=ShardState.PENDING).count() > 1:
        work.step(job)
    last = claim_shard(job, ShardState.PENDING)
    assert last

    class Other:
        """Reads the last shard while the worker waits, and sees it to the next state."""

        asked = 0

        def wait(self, timeout: float) -> bool:
            self.asked += 1
            if self.asked == 2:
                work._shard(job, last)
                assert phases.advance(ExportJob.objects.get(pk=job.pk))
            return False

        def is_set(self) -> bool:
            return False

    other = Other()
    monkeypatch.setattr(patience, "stop_requested", other)
    work.work(job.pk, seconds=60)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED and other.asked >= 2
