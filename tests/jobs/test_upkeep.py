"""Ten reconcilers at the same moment, over exports in every state: each thing is done once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings
from django_redis import get_redis_connection

from exportapp.jobs import exclusive, files, lifecycle, upkeep, wakeups, work
from exportapp.jobs.leases import claim_job, claim_shard
from exportapp.jobs.upkeep import take_turn
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.selection import Selection, Viewer
from project.demo.valkey import free_port
from tests.jobs.conftest import finish
from tests.jobs.test_reconcile import long_ago
from tests.jobs.test_work import step_until

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]
LOCK = "export:upkeep"
TURNS = 10


@pytest.fixture
def one_of_each(orders: Orders, operator: Viewer, settings: Any) -> dict[str, ExportJob]:
    """An export in every state, each left alone by whoever worked on it."""
    orders(60)
    settings.EXPORTAPP_SHARD_ROWS = 20
    jobs: dict[str, ExportJob] = {}

    def begun(name: str, until: str = "queued") -> ExportJob:
        # Else the next one would be the same request.
        asked = Selection(source="shop.Order")
        job, _ = lifecycle.create(asked, operator, request_key=name, queue=False)
        jobs[name] = job
        if until == "planned":
            step_until(job, "extracting")
            work.step(job)
        elif until != "queued":
            step_until(job, until)
        return job

    begun("queued")
    for name, until, free in (
        ("extracting", "planned", ShardState.PENDING),
        ("rendering", "rendering", ShardState.EXTRACTED),
        ("pausing", "rendering", ShardState.EXTRACTED),
        ("cancelling", "planned", ShardState.PENDING),
    ):
        assert claim_shard(begun(name, until), free)
    assert claim_job(begun("merging", "merging"))
    lifecycle.pause(jobs["pausing"])
    lifecycle.cancel(jobs["cancelling"])
    for name in ("paused", "cancelled", "failed", "expiring", "expired"):
        begun(name, "rendering")
    lifecycle.pause(jobs["paused"])
    lifecycle.cancel(jobs["cancelled"])
    statuses = {"failed": JobState.FAILED, "expiring": JobState.FAILED, "expired": JobState.EXPIRED}
    for name, status in statuses.items():
        ExportJob.objects.filter(pk=jobs[name].pk).update(status=status, expires_at=None)
    for name in ("succeeded", "uncleaned"):
        finish(begun(name))
    ExportJob.objects.filter(pk=jobs["uncleaned"].pk).update(cleaned_at=None)
    past = {"lease_until": Now() - timedelta(seconds=1), "worker": "gone/1/2/3"}
    for leased in (ExportJob, ExportShard):
        leased.objects.exclude(lease_until=None).update(**past)
    ExportJob.objects.filter(pk=jobs["expiring"].pk).update(expires_at=Now())
    long_ago()
    ExportEvent.objects.all().delete()
    return jobs


@pytest.fixture
def forgotten(orders: Orders, ask: Ask) -> ExportJob:
    """An export that nobody came to, and two more."""
    orders(10)
    for source in ("shop.Customer", "shop.Product", "shop.Order"):
        job = ask(source)
    long_ago()
    ExportEvent.objects.all().delete()
    return job


@contextmanager
def unlocked() -> Any:
    """The cache's Redis is away, the queue's is there."""
    cache = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{free_port()}/0",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1},
    }
    with override_settings(CACHES={"default": cache}):
        yield


def ten_at_once() -> list[Any]:
    """What ten turns that begin at the same moment say."""
    barrier = threading.Barrier(TURNS, timeout=30)
    said: list[Any] = []

    def turn() -> None:
        barrier.wait()
        try:
            said.append(take_turn(thorough=True))
        finally:
            connection.close()

    threads = [threading.Thread(target=turn) for _ in range(TURNS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) == TURNS
    return said


@pytest.mark.parametrize("locked", [True, False])
def test_ten_reconcilers_at_once_do_each_thing_once(
    one_of_each: dict[str, ExportJob], locked: bool
) -> None:
    if locked:
        said = ten_at_once()
    else:
        with unlocked():
            said = ten_at_once()
        assert None not in said, "without the lock each of them looks"

    happened = Counter(ExportEvent.objects.values_list("job", "kind"))
    ids = {name: job.pk for name, job in one_of_each.items()}
    lost = {"extracting", "rendering", "pausing", "cancelling", "merging"}
    woken = {"queued", "extracting", "rendering", "merging"}
    expected = {(ids[name], "recovered"): 1 for name in lost}
    expected |= {(ids[name], "woken"): 1 for name in woken}
    expected |= {(ids[name], "moved"): 1 for name in ("pausing", "cancelling", "expiring")}
    expected |= {(ids[name], "cleaned"): 1 for name in ("uncleaned", "expiring", "expired")}
    assert happened == expected
    queued = Counter(job.args[0] for job in django_rq.get_queue("exports").jobs)
    assert queued == {str(ids[name]): 1 for name in woken}
    states = {name: ExportJob.objects.get(pk=pk).status for name, pk in ids.items()}
    moved = {"pausing": "paused", "cancelling": "cancelled", "expiring": "expired"}
    same = {"uncleaned": "succeeded"} | {name: name for name in states if name not in moved}
    assert states == same | {"uncleaned": "succeeded"} | moved
    assert not ExportShard.objects.exclude(lease_until=None).exists()


def test_while_one_is_at_it_another_looks_at_nothing(
    forgotten: ExportJob, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive.alone("upkeep", 60) as renew:
        assert renew
        assert take_turn() is None
        call_command("export_reconcile")
        assert "Another one is at it." in capsys.readouterr().out
    assert not ExportEvent.objects.exists()
    assert take_turn()
    assert not get_redis_connection().exists(LOCK), "it is handed back"


def test_the_lock_of_one_that_died_is_free_in_time(forgotten: ExportJob) -> None:
    get_redis_connection().lock(LOCK, timeout=upkeep.LOCK_SECONDS).acquire()
    assert 0 < get_redis_connection().pttl(LOCK) <= upkeep.LOCK_SECONDS * 1000 <= 10_000


def test_one_that_lost_its_lock_does_not_release_that_of_the_next() -> None:
    with exclusive.alone("upkeep", 60) as renew:
        assert renew
        get_redis_connection().delete(LOCK)
        with exclusive.alone("upkeep", 60) as next_one:
            assert next_one
            renew()
            assert get_redis_connection().pttl(LOCK) > 0
            with exclusive.alone("upkeep", 60) as third:
                assert third is None
    assert not get_redis_connection().exists(LOCK)


def test_a_turn_renews_its_lock_before_each_export(
    forgotten: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = []

    def look(job: ExportJob) -> bool:
        left.append(get_redis_connection().pttl(LOCK))
        get_redis_connection().pexpire(LOCK, 5_000)
        return False

    monkeypatch.setattr("exportapp.jobs.reconcile.reconcile_job", look)
    take_turn()
    assert len(left) > 2 and min(left) > 5_000


def test_the_clock_looks_through_the_storage_once_in_a_while(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = []
    monkeypatch.setattr(upkeep, "sweep", lambda renew: swept.append(1) or 0)
    for _ in range(3):
        take_turn()
    assert swept == [1]
    take_turn(thorough=True)
    assert swept == [1, 1], "a person who asks for it has it"


def test_a_page_calls_for_the_reconciler_and_does_not_run_it(
    forgotten: ExportJob, admin_client: Any
) -> None:
    for _ in range(3):
        assert admin_client.get("/admin/exportapp/exportjob/").status_code == 200
    (call,) = django_rq.get_queue("exports").jobs
    assert call.func_name == wakeups.RECONCILE
    assert not ExportEvent.objects.exists()


def test_a_page_is_shown_while_redis_is_away(admin_client: Any) -> None:
    with unlocked():
        assert admin_client.get("/admin/exportapp/exportjob/").status_code == 200


def test_a_folder_that_cannot_be_removed_is_tried_again(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask()
    path = finish(job)
    ExportJob.objects.update(expires_at=Now())

    def refuse(*args: Any) -> bool:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as denied:
        denied.setattr(files, "remove_folder", refuse)
        take_turn(thorough=True)
        take_turn(thorough=True)
    (event,) = job.events.filter(kind="alarm")
    assert "Permission denied" in event.message
    assert path.exists()
    long_ago()
    take_turn(thorough=True)
    assert path.exists(), "not before KEEP_FAILED_SECONDS"
    ExportEvent.objects.update(at=Now() - timedelta(hours=2))
    take_turn(thorough=True)
    assert not path.parent.exists()
