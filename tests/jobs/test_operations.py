"""What the operations page is told, with every part of it and without Redis."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from exportapp.jobs import away, lifecycle, upkeep
from exportapp.jobs.breaker import Breaker
from exportapp.jobs.journal import alarm
from exportapp.jobs.operations import operations
from exportapp.jobs.throttle import Pause
from exportapp.jobs.waiting import park
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.tables.selection import Selection, Viewer
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def test_everything_that_is_going_on_is_told_by_a_few_questions(
    orders: Orders, ask: Ask, operator: Viewer, settings: Any
) -> None:
    orders(10)
    settings.EXPORTAPP_SHARD_ROWS = 5
    path = finish(ask())
    job, _ = lifecycle.create(Selection(source="shop.Order"), operator)
    step_until(job, "rendering")
    ExportShard.objects.get(job=job, number=1).claim("host/1/2/3", 60)
    park(job, Pause(60, "The night is for others."))
    alarm(job, "merge", "look here")
    alarm(job, "clean", "long ago")
    old = ExportEvent.objects.filter(data__about="clean")
    old.update(at=Now() - timedelta(days=2))
    Breaker("database:default").failed()
    worker = django_rq.get_worker("exports")
    worker.register_birth()
    assert upkeep.take_turn()

    with CaptureQueriesContext(connection) as queries:
        found = operations()

    assert len(queries) == 5, [query["sql"] for query in queries]
    assert found.roster is not None
    assert found.roster.count == 1
    assert found.roster.waiting == len(django_rq.get_queue("exports")) > 0
    assert [listener.name for listener in found.roster.listeners] == [worker.name]
    assert found.lag is not None and timedelta(0) <= found.lag < timedelta(minutes=5)
    assert found.breakers is not None
    (breaker,) = found.breakers
    assert (breaker.name, breaker.is_open, breaker.failures) == ("database:default", False, 1)
    assert found.last_turn is not None and found.last_turn.age < 300
    (running,) = found.running
    assert (running.job, running.workers) == (job, ["host/1/2/3"])
    assert [waits.waiting_for for waits in found.waiting] == ["The night is for others."]
    assert [said.message for said in found.alarms] == ["look here"]
    assert found.disk is not None and found.disk.is_whole
    assert found.disk.results == path.stat().st_size
    assert found.disk.spool > 0 and found.disk.free > 0
    worker.register_death()


@pytest.mark.parametrize("how", ["known to be away", "does not answer", "is no Redis"])
def test_without_redis_the_rest_is_told(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    job = ask()
    if how == "known to be away":
        for absence in (away.OF_ANCHORS, away.OF_QUEUE):
            absence.begin()
    else:
        backend = "django.core.cache.backends.locmem.LocMemCache"
        if how == "does not answer":
            backend = "django_redis.cache.RedisCache"
        cache = {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:9/0"}
        settings.CACHES = {"default": cache}
        monkeypatch.setattr("exportapp.jobs.roster.open_queue", _unreachable_queue)

    found = operations()

    assert (found.roster, found.breakers, found.last_turn, found.lag) == (None, None, None, None)
    assert [running.job for running in found.running] == [job]


def _unreachable_queue() -> Any:
    import redis
    import rq

    return rq.Queue("exports", connection=redis.Redis(port=9, retry=None))


def test_a_folder_that_is_not_there_is_told(orders: Orders, settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "exports": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": "/nowhere/at/all"},
        }
    }
    assert operations().disk is None
