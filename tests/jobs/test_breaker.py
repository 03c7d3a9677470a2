"""Breakers: who may try, who waits, and what the export says meanwhile."""

from __future__ import annotations

import multiprocessing
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
from tests.house import wait_for
from tests.jobs.breaking import answer
from tests.jobs.conftest import finish
from tests.jobs.test_errors import wrapped
from tests.jobs.test_work import events, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

NAME = "database:default"
AWAY = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}


def open_it(name: str = NAME, times: int = 5) -> None:
    for _ in range(times):
        Breaker(name).failed()


def pause_is_over(name: str = NAME) -> None:
    """Let the pause of an open breaker end now."""
    get_redis_connection().delete(f"export:breaker:{name}")
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))


@pytest.fixture(params=["shared", "own"])
def kind(request: pytest.FixtureRequest, settings: Any) -> str:
    """With Redis, and without."""
    if request.param == "own":
        settings.CACHES = {"default": AWAY}
    return str(request.param)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not(kind: str) -> None:
    assert [Breaker(NAME).failed() for _ in range(4)] == [False] * 4
    Breaker(NAME).worked()
    assert [Breaker(NAME).failed() for _ in range(5)] == [False] * 4 + [True]
    assert Breaker(NAME).is_open
    assert not Breaker("database:other").is_open


def test_nobody_may_try_until_its_pause_is_over(kind: str, settings: Any) -> None:
    settings.EXPORTAPP_BREAKER_SECONDS = 20
    open_it()
    assert 15 < Breaker(NAME).wait() <= 20


def test_one_may_try_after_the_pause_and_the_others_look_again_soon(
    kind: str, settings: Any
) -> None:
    settings.EXPORTAPP_BREAKER_SECONDS = 0.2
    open_it()
    wait_for(lambda: Breaker(NAME).wait() == 0, what="somebody may try")
    assert [Breaker(NAME).wait() for _ in range(3)] == [breaker.LOOK_SECONDS] * 3


def test_a_try_that_works_closes_it_for_everybody(kind: str, settings: Any) -> None:
    settings.EXPORTAPP_BREAKER_SECONDS = 0.1
    open_it()
    wait_for(lambda: Breaker(NAME).wait() == 0)
    assert Breaker(NAME).worked()
    assert not Breaker(NAME).is_open
    assert not Breaker(NAME).worked(), "it is told once"
    assert [Breaker(NAME).wait() for _ in range(3)] == [0, 0, 0]


def test_a_try_that_fails_begins_the_pause_again(kind: str, settings: Any) -> None:
    settings.EXPORTAPP_BREAKER_SECONDS = 0.1
    open_it()
    wait_for(lambda: Breaker(NAME).wait() == 0)
    settings.EXPORTAPP_BREAKER_SECONDS = 20
    assert Breaker(NAME).failed(), "one failure is enough now"
    assert Breaker(NAME).wait() > 10


def test_the_turn_of_one_who_died_is_another_s(kind: str, settings: Any) -> None:
    settings.EXPORTAPP_BREAKER_SECONDS = 0.1
    settings.EXPORTAPP_LEASE_SECONDS = 1
    open_it()
    wait_for(lambda: Breaker(NAME).wait() == 0)
    assert Breaker(NAME).wait() > 0
    wait_for(lambda: Breaker(NAME).wait() == 0, what="another may try")


def test_processes_share_it_and_one_of_them_may_try(settings: Any) -> None:
    spawn = multiprocessing.get_context("spawn")
    pipes = []
    workers = []
    for _ in range(3):
        here, there = spawn.Pipe()
        workers.append(spawn.Process(target=answer, args=(there, NAME), daemon=True))
        workers[-1].start()
        pipes.append(here)

    def tell(pipe: Any, word: str) -> Any:
        pipe.send(word)
        assert pipe.poll(30), "it answers"
        return pipe.recv()

    try:
        said = [tell(pipes[number % 3], "fail") for number in range(5)]
        assert said == [False] * 4 + [True], "failures of all of them count"
        assert all(tell(pipe, "ask") > 0 for pipe in pipes)
        get_redis_connection().delete(f"export:breaker:{NAME}")
        assert sorted(tell(pipe, "ask") for pipe in pipes) == [0, 5, 5]
        assert Breaker(NAME).worked()
        assert [tell(pipe, "ask") for pipe in pipes] == [0, 0, 0]
    finally:
        for pipe in pipes:
            pipe.send("")
        for worker in workers:
            worker.join(60)


def test_redis_that_goes_away_leaves_it_closed_and_is_left_alone(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_it()
    settings.CACHES = {"default": AWAY}
    assert Breaker(NAME).wait() == 0
    asked: list[str] = []
    monkeypatch.setattr(breaker, "get_redis_connection", asked.append)
    assert Breaker(NAME).wait() == 0
    assert asked == [], "for some seconds nobody asks again"


def test_a_cache_that_is_no_redis_is_none(settings: Any) -> None:
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    settings.CACHES = {"default": local}
    open_it()
    assert Breaker(NAME).is_open


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


def test_what_is_read_already_goes_on_while_the_tables_are_away(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    job = ask()
    monkeypatch.setattr("exportapp.jobs.waiting._alias_of_source", lambda job: "shop")
    step_until(job, JobState.EXTRACTING)
    work.step(job)
    work.step(job)
    open_it("database:shop")
    assert data_rows(finish(job)) == order_rows()
    assert Breaker("database:shop").is_open


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
