from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils import timezone

from exportapp.exceptions import ExportError, FileExpired, IllegalTransition, NotAllowed
from exportapp.jobs import delivery, files, lifecycle, work
from exportapp.jobs.leases import claim_shard
from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.retention import expire, sweep
from exportapp.models import ExportJob
from exportapp.states import JobState, ShardState
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def overdue(job: ExportJob) -> None:
    ExportJob.objects.filter(pk=job.pk).update(expires_at=Now() - timedelta(seconds=1))


def folder(job: ExportJob) -> Any:
    return files.local_path(str(job.pk))


def test_a_finished_file_is_kept_for_its_time_and_not_longer(orders: Orders, ask: Ask) -> None:
    orders(10)
    job = ask()
    path = finish(job)
    assert job.expires_at is not None
    assert timedelta(days=6) < job.expires_at - timezone.now() <= timedelta(days=7)
    assert expire() == 0
    assert path.exists()
    overdue(job)
    assert expire() == 1
    job.refresh_from_db()
    assert job.status == JobState.EXPIRED
    assert not folder(job).exists()
    with pytest.raises(FileExpired):
        delivery.finished_files(job)
    assert expire() == 0


@pytest.mark.parametrize("ends", ["cancelled", "failed"])
def test_what_was_given_up_keeps_its_shards_for_a_while_and_can_be_resumed(
    orders: Orders, ask: Ask, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask()
    step_until(job, "rendering")
    if ends == "cancelled":
        lifecycle.cancel(job)
    else:
        monkeypatch.setattr(work, "render", lambda *args: 1 / 0)
        work.work(job.pk)
        monkeypatch.undo()
    job.refresh_from_db()
    assert (job.status, job.expires_at is not None) == (ends, True)
    assert expire() == 0
    lifecycle.resume(job, queue=False)
    assert job.expires_at is None
    lifecycle.cancel(job)
    overdue(job)
    assert expire() == 1
    job.refresh_from_db()
    assert job.status == JobState.EXPIRED
    assert not folder(job).exists()
    with pytest.raises(IllegalTransition):
        lifecycle.resume(job)


def test_a_paused_export_waits_for_its_person(orders: Orders, ask: Ask) -> None:
    orders(10)
    job = ask()
    lifecycle.pause(job)
    assert job.expires_at is None
    assert expire() == 0


def test_nothing_is_pulled_from_under_a_worker(orders: Orders, ask: Ask) -> None:
    orders(10)
    job = ask()
    step_until(job, "rendering")
    assert claim_shard(job, ShardState.EXTRACTED)
    ExportJob.objects.update(status=JobState.FAILED)
    overdue(job)
    assert expire() == 0
    assert folder(job).exists()


def test_folders_of_no_job_go_after_a_day(orders: Orders, ask: Ask) -> None:
    orders(10)
    job = ask()
    path = finish(job)
    young, old = (files.local_path(str(uuid.uuid4())) for _ in range(2))
    for orphan in (young, old):
        orphan.mkdir()
        (orphan / "shard-00001.f1.arrow").write_bytes(b"x")
    other = files.local_path("notes")
    other.mkdir()
    long_ago = time.time() - 2 * 24 * 3600
    for found in (old, other, path.parent):
        os.utime(found, (long_ago, long_ago))
    assert (expire(), sweep()) == (0, 1)
    assert not old.exists()
    assert young.exists() and other.exists() and path.exists()


def test_the_command_and_the_cron_task_do_it(
    orders: Orders, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    from exportapp.jobs import tasks

    orders(10)
    first, second = ask(), ask("shop.Customer")
    finish(first)
    overdue(first)
    call_command("export_reconcile")
    assert "1 expired and removed." in capsys.readouterr().out
    finish(second)
    overdue(second)
    tasks.reconcile()
    second.refresh_from_db()
    assert second.status == JobState.EXPIRED


def test_call_command_takes_the_output_as_text(orders: Orders, tmp_path: Any) -> None:
    orders(10)
    target = tmp_path / "o.xlsx"
    call_command("export_excel", "shop.Order", output=str(target))
    assert target.exists()


def fail_merge(job: ExportJob, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is left of the job's time after its merge failed with `error`."""
    step_until(job, "merging")

    def failing(*args: Any) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(work, "merge", failing)
        work.work(job.pk)
    job.refresh_from_db()
    assert job.status == JobState.FAILED and job.expires_at
    (alarm,) = job.events.filter(kind="alarm")
    assert str(error) in alarm.message
    return job.expires_at - timezone.now()


def test_shards_that_do_not_fit_together_are_kept_an_hour(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask()
    left = fail_merge(job, ExportError("Row counts differ"), monkeypatch)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert expire() == 0 and folder(job).exists()
    overdue(job)
    assert expire() == 1 and not folder(job).exists()
    with pytest.raises(IllegalTransition, match="was removed. Ask for it again"):
        lifecycle.resume(job)
    job.refresh_from_db()
    assert job.error == "Row counts differ" and job.error_snapshot, "what it died of is known"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), NotAllowed("gone")])
def test_a_merge_that_a_person_can_mend_keeps_its_shards_like_any_failure(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    orders(10)
    job = ask()
    assert fail_merge(job, error, monkeypatch) > timedelta(days=6)
    lifecycle.resume(job, queue=False)
    finish(job)


def test_a_clean_up_that_fails_is_an_alarm_and_tried_again_after_an_hour(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask()

    def refuse(*args: Any) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as denied:
        denied.setattr(files, "remove_except", refuse)
        path = finish(job)
        assert reconcile() == 0
    (alarm,) = job.events.filter(kind="alarm")
    assert "Permission denied" in alarm.message
    assert len(list(folder(job).iterdir())) == 3, "the file, and two of its shard"
    assert reconcile() == 0, "not before the hour is over"
    alarm.__class__.objects.filter(pk=alarm.pk).update(at=Now() - timedelta(minutes=61))
    assert reconcile() == 1
    assert list(folder(job).iterdir()) == [path]
