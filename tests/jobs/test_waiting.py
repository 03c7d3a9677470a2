"""Exports that wait while a breaker is open: what they say, how long, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django_redis import get_redis_connection

from exportapp.jobs import breaker, extract, lifecycle, render, work
from exportapp.jobs.breaker import Breaker
from exportapp.jobs.reconcile import reconcile
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState
from exportapp.tables.selection import Operator
from tests.jobs.conftest import finish
from tests.jobs.test_breaker import AWAY, NAME
from tests.jobs.test_errors import wrapped
from tests.jobs.test_work import events, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def pause_is_over(name: str = NAME) -> None:
    """Let the pause of an open breaker end now."""
    get_redis_connection().delete(f"export:breaker:{name}")
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))


@pytest.fixture
def storm(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> tuple[ExportJob, dict[str, bool]]:
    """An export of three shards whose tables are away while `there` says so."""
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.0)
    database = {"there": False}

    def piece(*args: Any) -> Any:
        if not database["there"]:
            raise wrapped("57P03")
        return extract.extract(*args)

    monkeypatch.setattr(work, "extract", piece)
    return ask(), database


def test_a_storm_makes_the_export_wait_and_say_why(
    storm: tuple[ExportJob, dict[str, bool]],
) -> None:
    job, _ = storm
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "extracting"
    assert job.waiting_for == "The database does not answer; tried again in 30 s."
    assert job.not_before is not None
    (event,) = events(job, "waiting")
    assert event.message == job.waiting_for
    assert event.data["code"] == "database_unavailable" and "57P03" in event.data["error"]
    assert not ExportShard.objects.filter(job=job).exclude(lease_until=None).exists()


def test_an_export_that_waits_uses_no_attempts_however_long_it_takes(
    storm: tuple[ExportJob, dict[str, bool]],
) -> None:
    job, database = storm
    work.work(job.pk)
    attempts = list(ExportShard.objects.filter(job=job).values_list("attempts", flat=True))
    for _ in range(12):
        pause_is_over()
        work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "extracting"
    after = list(ExportShard.objects.filter(job=job).values_list("attempts", flat=True))
    assert sorted(after) == sorted(attempts)
    assert len(events(job, "waiting")) == 1, "told once, however often it was tried"


def test_it_goes_on_by_itself_when_a_try_succeeds(
    storm: tuple[ExportJob, dict[str, bool]],
) -> None:
    job, database = storm
    work.work(job.pk)
    database["there"] = True
    work.work(job.pk)
    job.refresh_from_db()
    assert job.waiting_for, "not before its time"
    pause_is_over()
    assert data_rows(finish(job)) == order_rows()
    assert (job.waiting_for, len(events(job, "went_on"))) == ("", 1)
    assert not Breaker(NAME).is_open


def test_of_many_workers_one_tries_and_one_event_tells(
    storm: tuple[ExportJob, dict[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, database = storm
    work.work(job.pk)
    pause_is_over()
    tried: list[bool] = []
    failing = work.extract  # type: ignore[attr-defined]

    def piece(*args: Any) -> Any:
        tried.append(True)
        # While this one tries, two others come.
        for _ in range(2):
            assert not work.step(ExportJob.objects.get(pk=job.pk))
        return failing(*args)

    monkeypatch.setattr(work, "extract", piece)
    work.step(job)
    assert len(tried) == 1
    assert len(events(job, "waiting")) == 1


def test_another_export_waits_too_before_it_has_failed(
    storm: tuple[ExportJob, dict[str, bool]], ask: Ask
) -> None:
    job, _ = storm
    work.work(job.pk)
    other = ask(columns=("number",))
    work.work(other.pk)
    other.refresh_from_db()
    assert other.waiting_for and other.planned_at is None
    assert len(events(other, "waiting")) == 1
    assert events(other, "retried") == []


@pytest.mark.parametrize(("deed", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_person_may_stop_an_export_that_waits(
    storm: tuple[ExportJob, dict[str, bool]], deed: str, state: str
) -> None:
    job, database = storm
    work.work(job.pk)
    job.refresh_from_db()
    getattr(lifecycle, deed)(job)
    assert (job.status, job.waiting_for, job.not_before) == (state, "", None)
    database["there"] = True
    lifecycle.resume(job, queue=False)
    pause_is_over()
    assert data_rows(finish(job)) == order_rows()


def test_the_reconciler_wakes_an_export_whose_wait_is_over(
    storm: tuple[ExportJob, dict[str, bool]],
) -> None:
    import django_rq

    job, _ = storm
    work.work(job.pk)
    past = Now() - timedelta(minutes=5)
    job.events.update(at=past)
    ExportJob.objects.update(woken_at=past)
    reconcile()
    assert django_rq.get_queue("exports").count == 0, "not while it waits"
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))
    reconcile()
    assert django_rq.get_queue("exports").count == 1


def test_a_storage_that_fails_makes_exports_wait_in_every_phase(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.0)
    job = ask()
    step_until(job, JobState.RENDERING)

    def broken(*args: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(work, "render", broken)
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "rendering"
    assert job.waiting_for == "The storage fails; tried again in 30 s."
    monkeypatch.setattr(work, "render", render.render)
    pause_is_over("storage:exports")
    assert data_rows(finish(job)) == order_rows()


def test_the_reason_is_in_the_language_of_who_asked(
    storm: tuple[ExportJob, dict[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils import translation

    job, _ = storm
    spoken: list[str | None] = []

    def noted(text: str) -> str:
        spoken.append(translation.get_language())
        return text

    monkeypatch.setattr("exportapp.jobs.waiting._", noted)
    ExportJob.objects.update(language="de")
    work.work(job.pk)
    assert set(spoken) == {"de"}


def test_an_export_goes_on_without_redis_and_waits_without_it_too(
    storm: tuple[ExportJob, dict[str, bool]], settings: Any
) -> None:
    job, database = storm
    settings.CACHES = {"default": AWAY}
    work.work(job.pk)
    job.refresh_from_db()
    assert job.waiting_for
    database["there"] = True
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))
    breaker._of_this_process.cache_clear()  # another process comes
    assert data_rows(finish(job)) == order_rows()


def test_the_faces_show_why_it_waits(
    storm: tuple[ExportJob, dict[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command
    from django.template.loader import render_to_string

    from exportapp.admin.pages import describe
    from exportapp.api.serializers import ExportSerializer

    job, _ = storm
    work.work(job.pk)
    job.refresh_from_db()
    why = "The database does not answer; tried again in 30 s."
    call_command("export_excel", status=str(job.pk))
    assert why in capsys.readouterr().out
    context = describe(job, Operator()) | {"urls": "admin:exportapp_exportjob_"}
    assert why in render_to_string("exportapp/_job_live.html", context)
    assert ExportSerializer().fields["waiting_for"].to_representation(job.waiting_for) == why
