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
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings

from exportapp.jobs import lifecycle, work
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
