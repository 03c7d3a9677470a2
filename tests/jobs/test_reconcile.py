from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db.models.functions import Now

from exportapp.jobs import files, lifecycle, work
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import claim_shard
from exportapp.jobs.reconcile import reconcile, recover
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def job(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Three shards of 100 rows, planned and not yet read."""
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    work.step(job)
    work.step(job)
    return job


def lose(job: ExportJob) -> ExportShard:
    """A worker claims a shard and is never heard of again; its lease runs out."""
    lease = claim_shard(job, ShardState.PENDING)
    assert lease is not None
    past = Now() - timedelta(seconds=1)
    ExportShard.objects.filter(pk=lease.piece.pk).update(lease_until=past, worker="gone/1/2/3")
    shard: ExportShard = lease.piece
    return shard


def long_ago() -> None:
    """Let nothing have happened lately."""
    past = Now() - timedelta(minutes=5)
    ExportEvent.objects.update(at=past)
    ExportJob.objects.update(woken_at=past)


def queue() -> list[str]:
    return [job.args[0] for job in django_rq.get_queue("exports").jobs]


def test_a_lost_shard_is_free_again_and_the_export_is_woken(job: ExportJob) -> None:
    shard = lose(job)
    long_ago()
    assert reconcile() == 1
    shard.refresh_from_db()
    assert (shard.status, shard.lost_leases, shard.lease_until) == ("pending", 1, None)
    recovered = ExportEvent.objects.get(job=job, kind="recovered")
    assert "gone/1/2/3" in recovered.message
    assert queue() == [str(job.pk)], "in the same turn"
    reconcile()
    assert queue() == [str(job.pk)], "and not again in the next"
    assert data_rows(finish(job)) == order_rows()


def test_ten_turns_one_after_the_other_wake_an_export_once(job: ExportJob) -> None:
    long_ago()
    for _ in range(10):
        reconcile()
    assert queue() == [str(job.pk)]


def test_an_export_that_waits_on_purpose_is_woken_when_its_wait_is_over(job: ExportJob) -> None:
    long_ago()
    ExportJob.objects.update(waiting_for="night", not_before=Now() + timedelta(hours=1))
    assert reconcile() == 0
    assert queue() == []
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))
    assert reconcile() == 1
    assert queue() == [str(job.pk)]
    assert reconcile() == 0, "once"
    job.refresh_from_db()
    assert job.waiting_for == "night" and job.not_before, "they are for the worker to clear"


def test_an_export_whose_pieces_all_sit_out_a_back_off_is_woken_after_it(job: ExportJob) -> None:
    long_ago()
    ExportShard.objects.update(not_before=Now() + timedelta(hours=1))
    assert reconcile() == 0
    first = ExportShard.objects.filter(number=1)
    first.update(not_before=Now() - timedelta(seconds=1))
    record(job, Happened.RETRIED, "just now")
    assert reconcile() == 1, "however lately something happened"
    assert queue() == [str(job.pk)]


def test_lost_wake_ups_are_sent_again(job: ExportJob) -> None:
    long_ago()
    reconcile()
    django_rq.get_queue("exports").empty()
    long_ago()
    reconcile()
    assert queue() == [str(job.pk)]


def test_an_export_that_somebody_works_on_is_left_alone(job: ExportJob) -> None:
    assert claim_shard(job, ShardState.PENDING)
    long_ago()
    assert reconcile() == 0
    assert queue() == []


def test_a_stop_that_nobody_is_left_to_end_is_ended(job: ExportJob) -> None:
    lose_me = claim_shard(job, ShardState.PENDING)
    assert lose_me is not None
    lifecycle.pause(job)
    assert job.status == JobState.PAUSING
    ExportShard.objects.filter(pk=lose_me.piece.pk).update(lease_until=Now() - timedelta(seconds=1))
    reconcile()
    job.refresh_from_db()
    assert job.status == JobState.PAUSED


def test_a_shard_that_kills_its_workers_fails_the_job_and_the_others_stay(
    job: ExportJob, settings: Any
) -> None:
    work.step(job)
    for _ in range(3):
        shard = lose(job)
        recover(job)
    job.refresh_from_db()
    shard.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "poison")
    assert f"shard {shard.number}" in job.error and "3 workers died" in job.error
    assert "datetime" in job.error, "the key range is named"
    states = ExportShard.objects.filter(job=job).order_by("number").values_list("status", flat=True)
    assert list(states) == ["extracted", "failed", "pending"]
    lifecycle.resume(job)
    assert data_rows(finish(job)) == order_rows()


def test_progress_forgives_lost_leases(job: ExportJob) -> None:
    for _ in range(2):
        shard = lose(job)
        recover(job)
    work.step(job)
    shard.refresh_from_db()
    assert (shard.status, shard.lost_leases) == ("extracted", 0)


def test_a_lost_planner_is_followed_by_one_that_goes_on_behind_it(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    work.step(job)
    from exportapp.jobs import plan

    class Killed(BaseException):
        pass

    created = ExportShard.objects.bulk_create

    def create(shards: list[ExportShard]) -> Any:
        if shards[0].number == 3:
            raise Killed
        return created(shards)

    monkeypatch.setattr(plan.ExportShard.objects, "bulk_create", create)
    with pytest.raises(Killed):
        work.step(job)
    monkeypatch.undo()
    ExportJob.objects.update(lease_until=Now() - timedelta(seconds=1), worker="gone/1/2/3")
    assert recover(job)
    assert data_rows(finish(job)) == order_rows()
    numbers = ExportShard.objects.filter(job=job).values_list("number", flat=True)
    assert sorted(numbers) == [1, 2, 3, 4, 5]


def test_what_a_worker_killed_after_the_end_left_is_cleaned(job: ExportJob) -> None:
    step_until(job, "merging")
    path = finish(job)
    ExportJob.objects.update(cleaned_at=None)
    litter = files.folder(job) / "shard-00001.f1.arrow.part"
    litter.write_bytes(b"half")
    reconcile()
    assert [found.name for found in files.folder(job).iterdir()] == [path.name]
    job.refresh_from_db()
    assert job.cleaned_at
    assert reconcile() == 0
