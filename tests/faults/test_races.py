"""Faults that strike between two statements, brought about in one process, step by step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django_redis import get_redis_connection

from exportapp.jobs import files, lifecycle, phases, tally, work
from exportapp.jobs.attempts import attempt
from exportapp.jobs.leases import claim_job, claim_shard, is_held
from exportapp.jobs.reconcile import reconcile, recover
from exportapp.jobs.status import status_of
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.keyset import Keyset
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]


@pytest.fixture
def job(orders: Callable[[int], None], ask: Ask, settings: Any) -> ExportJob:
    """Nobody works yet on an export of five shards."""
    orders(100)
    settings.EXPORTAPP_SHARD_ROWS = 20
    settings.EXPORTAPP_BATCH_ROWS = 10
    settings.EXPORTAPP_BEAT_SECONDS = 0
    return ask()


def made(job: ExportJob, kind: str) -> list[int]:
    return sorted(job.events.filter(kind=kind).values_list("shard", flat=True))


@pytest.mark.parametrize("step", ["extract", "render", "merge"])
def test_a_commit_whose_answer_was_lost_is_not_taken_back(
    job: ExportJob, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(work, step)
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.01)
    lost = []

    def committed_unheard(*args: Any) -> Any:
        result = original(*args)
        if ExportShard.objects.filter(job=job, lease_until=None).count() == 5 and not lost:
            # Others see the commit and go on at once.
            lost.append(phases.advance(ExportJob.objects.get(pk=job.pk)))
            raise OperationalError("server closed the connection unexpectedly")
        return result

    monkeypatch.setattr(work, step, committed_unheard)
    before = {"extract": "extracting", "render": "rendering", "merge": "merging"}[step]
    step_until(job, before)
    work.work(job.pk)
    reconcile()

    job.refresh_from_db()
    assert lost and (job.status, job.error) == ("succeeded", "")
    (file,) = job.files.all()
    assert data_rows(files.local_path(file.path)) == order_rows()
    assert [path.name for path in files.folder(job).iterdir()] == [file.path.partition("/")[2]]
    assert set(ExportShard.objects.filter(job=job).values_list("fence", flat=True)) == {2}


def test_a_commit_that_was_rolled_back_leaves_nothing_behind(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.0)
    step_until(job, "extracting")
    work.step(job)

    def cut(*args: Any) -> None:
        monkeypatch.undo()
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(tally.Tally, "keep_issues", cut)
    work.step(job)

    shard = ExportShard.objects.get(job=job, number=1)
    assert (shard.status, shard.rows_extracted, shard.arrow_path) == ("pending", None, "")
    assert (shard.attempts, shard.lease_until) == (1, None)
    assert data_rows(finish(job)) == order_rows()


def test_a_signal_that_comes_while_arrow_works_is_an_interruption(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_until(job, "extracting")
    work.step(job)

    def cancelled(*args: Any) -> None:
        monkeypatch.undo()
        raise pa.ArrowCancelled("Operation cancelled. Detail: received signal 15")

    monkeypatch.setattr(work, "extract", cancelled)
    work.step(job)

    shard = ExportShard.objects.get(job=job, number=1)
    assert (shard.status, shard.attempts, shard.lease_until) == ("pending", 0, None)
    assert made(job, "released") == [1]
    assert data_rows(finish(job)) == order_rows()


def test_a_file_found_damaged_while_the_layout_is_settled_is_read_again(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_until(job, "rendering")
    first, second = (claim_shard(job, ShardState.EXTRACTED) for _ in range(2))
    assert first and second
    with attempt(job, first):
        raise files.FileDamaged("the first is bad")
    job.refresh_from_db()
    assert job.status == "extracting"
    original = phases.lay_out

    def meanwhile(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        with attempt(ExportJob.objects.get(pk=job.pk), second):
            raise files.FileDamaged("the second is bad as well")
        return original(*args, **options)

    monkeypatch.setattr(phases, "lay_out", meanwhile)

    assert data_rows(finish(job)) == order_rows()
    assert made(job, "damaged") == [1, 2]


def test_a_worker_that_moved_on_from_old_news_does_not_fail_the_merge(job: ExportJob) -> None:
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=3)
    # One worker saw every shard rendered; before it moves the job on, another takes one back.
    ExportShard.objects.filter(pk=shard.pk).move_to(ShardState.EXTRACTED)

    assert data_rows(finish(job)) == order_rows()


def test_anchors_that_are_lost_while_planning_are_whole_again(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    hop = Keyset.hop

    def flushing(*args: Any) -> Any:
        get_redis_connection().flushall()
        return hop(*args)

    monkeypatch.setattr(Keyset, "hop", flushing)
    work.step(job)
    work.step(job)
    status = status_of(job)
    assert (status.live, status.rows_total, status.shards_total) == (True, 100, 5)
    assert (status.rows_extracted, status.rows_rendered, status.bytes) == (0, 0, 0)


def lose(job: ExportJob) -> None:
    """Somebody claims the whole job and is never heard of again."""
    assert claim_job(job)
    past = Now() - timedelta(seconds=1)
    ExportJob.objects.filter(pk=job.pk).update(lease_until=past, worker="gone/1/2/3")
    recover(job)


@pytest.mark.parametrize("state", ["extracting", "merging"])
def test_a_plan_or_merge_that_kills_its_workers_is_for_a_person_to_see(
    job: ExportJob, state: str
) -> None:
    step_until(job, state)
    lose(job)
    lose(job)
    assert job.status == state
    lose(job)
    assert (job.status, job.error_code) == ("failed", "poison")
    assert "3 workers died" in job.error
    lifecycle.resume(job)
    assert data_rows(finish(job)) == order_rows()


def test_progress_of_the_plan_forgives_lost_leases(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_until(job, "extracting")
    lose(job)
    lose(job)
    work.step(job)
    job.refresh_from_db()
    assert job.planned_at and job.lost_leases == 0


@pytest.mark.parametrize(("state", "kind"), [("extracting", "planned"), ("merging", "merged")])
def test_a_worker_that_comes_late_does_not_plan_or_merge_again(
    job: ExportJob, state: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_until(job, state)
    late = ExportJob.objects.get(pk=job.pk)
    claim = work.claim_job

    def meanwhile(job: ExportJob) -> Any:
        monkeypatch.undo()
        work.step(ExportJob.objects.get(pk=job.pk))
        taken.append(claim(job))
        return taken[0]

    taken: list[Any] = []
    monkeypatch.setattr(work, "claim_job", meanwhile)
    work.step(late)

    assert state == "extracting" or taken == [None], "what is over is nobody's any more"

    assert data_rows(finish(job)) == order_rows()
    assert job.events.filter(kind=kind).count() == 1
    assert not is_held(job)


def test_what_went_wrong_while_planning_is_forgotten_with_the_plan(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.0)
    hop = Keyset.hop

    def flaky(*args: Any) -> Any:
        monkeypatch.setattr(Keyset, "hop", hop)
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(Keyset, "hop", flaky)
    step_until(job, "extracting")
    work.step(job)
    job.refresh_from_db()
    assert (job.attempts, job.planned_at) == (1, None) and "deadlock" in job.error
    work.step(job)
    job.refresh_from_db()
    assert job.planned_at
    assert (job.attempts, job.not_before, job.error_code, job.error) == (0, None, "", "")
    assert JobState(job.status) == JobState.EXTRACTING
