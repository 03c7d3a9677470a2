"""The project's word on when its tables are to be left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import translation

from exportapp.jobs import lifecycle, throttle, work
from exportapp.jobs.throttle import throttled
from exportapp.models import ExportJob
from exportapp.states import JobState
from tests.jobs.conftest import finish
from tests.jobs.test_work import events, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

answers: list[Any] = []
asked: list[tuple[str, str | None]] = []


def own(job: ExportJob) -> Any:
    """The throttle of these tests: gives the answers one after the other, then lets read."""
    asked.append((job.status, translation.get_language()))
    answer = answers.pop(0) if answers else None
    if isinstance(answer, Exception):
        raise answer
    return answer


NO_FUNCTION = 7


@pytest.fixture(autouse=True)
def _throttled(settings: Any) -> Iterator[None]:
    settings.EXPORTAPP_THROTTLE = "tests.jobs.test_throttle.own"
    settings.EXPORTAPP_THROTTLE_SECONDS = 0.001
    asked.clear()
    answers.clear()
    yield


@pytest.fixture
def job(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Three shards, nothing done yet."""
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    return ask()


def wait_is_over() -> None:
    ExportJob.objects.update(not_before=Now() - timedelta(seconds=1))


def test_an_export_waits_as_long_and_because_the_project_says(job: ExportJob) -> None:
    answers.append((3600, "The replica is 40 s behind."))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.planned_at) == ("extracting", None)
    assert job.waiting_for == "The replica is 40 s behind."
    assert ExportJob.objects.filter(not_before__gt=Now() + timedelta(seconds=3500)).exists()
    (event,) = events(job, "waiting")
    assert (event.message, event.data["seconds"]) == (job.waiting_for, 3600.0)
    wait_is_over()
    assert data_rows(finish(job)) == order_rows()
    assert (job.waiting_for, len(events(job, "went_on"))) == ("", 1)


def test_nobody_asks_again_before_the_wait_is_over(job: ExportJob) -> None:
    answers.append(3600.0)
    for _ in range(3):
        work.work(job.pk)
    assert len(asked) == 1
    job.refresh_from_db()
    assert job.waiting_for == "The database is left alone for a while."


def test_a_wait_that_goes_on_is_told_once_and_its_reason_kept_up_to_date(job: ExportJob) -> None:
    answers.extend([(60, "40 s behind"), (60, "35 s behind")])
    work.work(job.pk)
    wait_is_over()
    work.work(job.pk)
    job.refresh_from_db()
    assert job.waiting_for == "35 s behind"
    assert [event.message for event in events(job, "waiting")] == ["40 s behind"]


def test_it_is_asked_before_pieces_that_read_the_tables_and_no_others(job: ExportJob) -> None:
    finish(job)
    assert {status for status, _ in asked} == {"extracting"}
    # The plan, three shards, and once to find that there is none left.
    assert 4 <= len(asked) <= 5


def test_it_hears_the_language_of_who_asked(job: ExportJob) -> None:
    ExportJob.objects.update(language="de")
    work.step(job)
    work.step(job)
    assert [language for _, language in asked] == ["de"]


def test_what_is_read_already_is_not_held_up(job: ExportJob, settings: Any) -> None:
    step_until(job, JobState.EXTRACTING)
    for _ in range(4):
        work.step(job)
    answers.extend([3600] * 10)
    assert data_rows(finish(job)) == order_rows()
    assert events(job, "waiting") == []


def test_a_wait_ends_when_others_have_read_the_rest(job: ExportJob) -> None:
    step_until(job, JobState.EXTRACTING)
    for _ in range(3):
        work.step(job)
    answers.append((3600, "later"))
    assert not work.step(job)
    job.refresh_from_db()
    assert job.waiting_for == "later"
    last = job.shards.get(status="pending")
    claimed = work.claim_shard(job, "pending")
    assert claimed is not None and claimed.piece == last
    work._shard(job, claimed)
    assert data_rows(finish(job)) == order_rows()


def test_a_worker_asks_at_most_once_in_so_many_seconds(job: ExportJob, settings: Any) -> None:
    settings.EXPORTAPP_THROTTLE_SECONDS = 3600
    finish(job)
    assert len(asked) == 1
    throttle._last.at -= 3601
    throttled(job)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "wrong",
    [OperationalError("the replica is gone"), "soon", (1, 2, 3), object()],
    ids=["error", "text", "three", "object"],
)
def test_a_throttle_that_does_not_work_calls_a_person_and_stops_nothing(
    job: ExportJob, wrong: Any
) -> None:
    answers.extend([wrong] * 20)
    assert data_rows(finish(job)) == order_rows()
    (alarm,) = events(job, "alarm")
    assert "did not answer: tests.jobs.test_throttle.own: " in alarm.message


@pytest.mark.parametrize("path", ["tests.jobs.test_throttle.missing", "no.such.module.at_all"])
def test_a_throttle_that_is_not_there_calls_a_person_and_stops_nothing(
    job: ExportJob, settings: Any, path: str
) -> None:
    settings.EXPORTAPP_THROTTLE = path
    assert data_rows(finish(job)) == order_rows()
    assert path in events(job, "alarm")[0].message


@pytest.mark.parametrize("answer", [None, 0, 0.0, -1, (0, "nothing"), (None, "")])
def test_an_answer_of_nothing_lets_read(job: ExportJob, answer: Any) -> None:
    answers.append(answer)
    assert throttled(job) is None


def test_a_wait_of_years_is_asked_about_again_after_a_day(job: ExportJob) -> None:
    answers.append((1e12, "for ever"))
    work.work(job.pk)
    assert ExportJob.objects.filter(not_before__lt=Now() + timedelta(hours=25)).exists()


def test_a_resume_asks_anew(job: ExportJob) -> None:
    answers.append((3600, "later"))
    work.work(job.pk)
    job.refresh_from_db()
    lifecycle.pause(job)
    assert (job.status, job.waiting_for) == ("paused", "")
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()
