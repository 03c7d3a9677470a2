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

from exportapp.exceptions import FileExpired, IllegalTransition
from exportapp.jobs import files, lifecycle, work
from exportapp.jobs.leases import claim_shard
from exportapp.jobs.retention import expire
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
        lifecycle.downloaded(job, 1, user=None)
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
    assert expire() == 1
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
