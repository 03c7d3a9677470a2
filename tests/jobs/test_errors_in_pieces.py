"""What becomes of a piece, and of its export, when something is raised in it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exportapp.exceptions import FileDamaged
from exportapp.jobs import breaker, extract, lifecycle, merge, plan, render, work
from exportapp.jobs.errortable import TABLE
from exportapp.models import ExportJob, ExportShard
from exportapp.states import RELEASED, WORKING, JobState
from tests.jobs.conftest import finish
from tests.jobs.test_errors import raised_from, sample, wrapped
from tests.jobs.test_work import events, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

pytestmark = pytest.mark.usefixtures("no_back_off")

PIECES: dict[str, tuple[str, Callable[..., Any]]] = {
    "plan": (JobState.EXTRACTING, plan.plan),
    "extract": (JobState.EXTRACTING, extract.extract),
    "render": (JobState.RENDERING, render.render),
    "merge": (JobState.MERGING, merge.merge),
}


def raising(error: BaseException, times: float = float("inf")) -> Callable[..., Any]:
    """A piece that raises `error` the first `times`; after that it is what it was."""
    done = {"times": 0}

    def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
        def piece(*args: Any) -> Any:
            done["times"] += 1
            if done["times"] <= times:
                raise error
            return original(*args)

        return piece

    return wrapper


def break_piece(
    monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, times: float = float("inf")
) -> None:
    monkeypatch.setattr(work, name, raising(error, times)(PIECES[name][1]))


errors = st.one_of(
    st.sampled_from(TABLE).map(sample),
    st.sampled_from([ValueError("no"), KeyError(), AssertionError(), RecursionError()]),
    st.tuples(st.sampled_from(TABLE), st.sampled_from(TABLE)).map(
        lambda rows: raised_from(sample(rows[0]), sample(rows[1]))
    ),
)


@given(name=st.sampled_from(sorted(PIECES)), error=errors)
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_raised_the_piece_is_in_a_legal_state_and_nobody_holds_it(
    orders: Orders, ask: Ask, name: str, error: BaseException
) -> None:
    ExportJob.objects.all().delete()
    if not order_rows():
        orders(30)
    job = ask()
    state, _ = PIECES[name]
    step_until(job, state)
    if name == "extract":
        work.step(job)
    with pytest.MonkeyPatch.context() as patch:
        break_piece(patch, name, error)
        work.step(job)
    job.refresh_from_db()
    shards = ExportShard.objects.filter(job=job)
    assert job.lease_until is None
    assert not shards.exclude(lease_until=None).exists()
    assert not shards.filter(status__in=RELEASED).exists()
    assert job.state in WORKING | {JobState.FAILED}
    if job.state == JobState.FAILED:
        assert job.error_code and job.error
        lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_a_process_that_is_made_to_end_hands_its_piece_back(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    orders(30)
    job = ask()
    with monkeypatch.context() as patch:
        break_piece(patch, "extract", error)
        with pytest.raises(type(error)):
            work.work(job.pk)
    shard = ExportShard.objects.get(job=job)
    assert (shard.status, shard.lease_until, shard.attempts) == ("pending", None, 0)
    assert data_rows(finish(job)) == order_rows()


def test_a_damaged_file_where_there_is_none_to_make_again_is_an_error_like_another(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(30)
    job = ask()
    break_piece(monkeypatch, "plan", FileDamaged("which?"))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "file_damaged")


@pytest.mark.parametrize("code", ["40P01", "57014"])
def test_what_may_pass_is_tried_five_times_and_the_breaker_does_not_care(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    orders(30)
    job = ask()
    break_piece(monkeypatch, "extract", wrapped(code))
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "failed" and code in job.error
    assert [event.data["layer"] for event in events(job, "retried")] == ["infrastructure"] * 4
    assert not breaker.Breaker("database:default").is_open


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (wrapped("53100"), "database_full"),
        (wrapped("42703"), "database_query"),
        (wrapped("22012"), "database_data"),
        (OSError(errno.EROFS, "no"), "erofs"),
    ],
    ids=["full", "column", "division", "readonly"],
)
def test_what_does_not_pass_is_not_tried_again(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    orders(30)
    job = ask()
    break_piece(monkeypatch, "extract", error)
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", code)
    assert events(job, "retried") == []
    monkeypatch.undo()
    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()


def test_a_piece_is_given_up_when_it_failed_for_long_enough(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(30)
    settings.EXPORTAPP_MAX_ATTEMPTS = 1000
    settings.EXPORTAPP_RETRY_SECONDS = 60
    job = ask()
    step_until(job, "extracting")
    work.step(job)
    break_piece(monkeypatch, "extract", wrapped("40001"))
    work.step(job)
    shard = ExportShard.objects.get(job=job)
    first = shard.failing_since
    work.step(job)
    shard.refresh_from_db()
    assert (shard.attempts, shard.failing_since) == (2, first), "the first failure is remembered"
    ExportShard.objects.update(failing_since=Now() - timedelta(seconds=61))
    work.step(job)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "database_conflict")
    lifecycle.resume(job, queue=False)
    shard.refresh_from_db()
    assert (shard.attempts, shard.failing_since) == (0, None)


def test_a_planner_that_gets_further_each_time_is_not_given_up(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(80)
    settings.EXPORTAPP_SHARD_ROWS = 10
    settings.EXPORTAPP_MAX_ATTEMPTS = 2
    found = plan._hop
    hops = []

    def flaky(*args: Any) -> Any:
        hops.append(args)
        if len(hops) % 2 == 0:
            raise wrapped("40001")
        return found(*args)

    monkeypatch.setattr(plan, "_hop", flaky)
    job = ask()
    assert data_rows(finish(job)) == order_rows()
    assert len(events(job, "retried")) >= 7
