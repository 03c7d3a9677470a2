"""Breakers: what opens and closes them, who may try, whom they stop, and what Redis is to them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest
from django_redis import get_redis_connection

from exportapp.jobs import breaker, work
from exportapp.jobs.breaker import Breaker
from exportapp.models import ExportJob
from exportapp.states import JobState
from tests.house import wait_for
from tests.jobs.breaking import answer
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

NAME = "database:default"
AWAY = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:9/0"}


def open_it(name: str = NAME, times: int = 5) -> None:
    for _ in range(times):
        Breaker(name).failed()


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
