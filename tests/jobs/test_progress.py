from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django_redis import get_redis_connection

from exportapp.jobs import away, lifecycle, work
from exportapp.jobs.progress import Anchors
from exportapp.jobs.status import status_of
from exportapp.models import ExportJob, ExportShard
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def running(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Five shards of 100 rows, all extracted, two rendered."""
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    work.step(job)
    return job


def anchor(job: ExportJob) -> dict[str, str]:
    found = get_redis_connection().hgetall(f"export:{job.pk}:progress")
    return {name.decode(): value.decode() for name, value in found.items()}


def test_the_anchor_has_the_fields_that_the_design_names(running: ExportJob) -> None:
    redis = get_redis_connection()
    found = anchor(running)
    assert (
        found.items()
        >= {
            "status": "rendering",
            "current_chunk": "2",
            "total_chunks": "5",
            "rows_extracted": "500",
            "rows_rendered": "200",
            "rows_total": "500",
            "control": "",
        }.items()
    )
    assert {"bytes", "rate", "last_updated", "fence"} <= found.keys()
    assert redis.smembers(f"export:{running.pk}:done") == {b"1", b"2"}
    assert int(redis.get(f"export:{running.pk}:seq")) >= 7
    for name in ("progress", "done", "seq", "shards"):
        assert 0 < redis.ttl(f"export:{running.pk}:{name}") <= 24 * 3600


def test_every_commit_is_published(running: ExportJob) -> None:
    listener = get_redis_connection().pubsub(ignore_subscribe_messages=True)
    listener.subscribe(f"export:{running.pk}")
    listener.get_message(timeout=60)
    work.step(running)
    message = listener.get_message(timeout=60)
    assert message is not None and int(message["data"]) > 0
    listener.close()


def test_rows_in_flight_count_and_are_taken_back_when_a_shard_starts_over(
    running: ExportJob,
) -> None:
    anchors = Anchors(running.pk)
    shard = ExportShard.objects.get(job=running, number=3)
    assert anchors.beat("rendered", 60, shard=shard, fence=shard.fence + 1)
    assert anchor(running)["rows_rendered"] == "260"
    assert anchors.beat("rendered", 10, shard=shard, fence=shard.fence + 2)
    assert anchor(running)["rows_rendered"] == "210"


def test_an_older_fence_is_refused(running: ExportJob) -> None:
    anchors = Anchors(running.pk)
    shard = ExportShard.objects.get(job=running, number=3)
    anchors.beat("rendered", 60, shard=shard, fence=9)
    answer = anchors.beat("rendered", 99, shard=shard, fence=8)
    assert answer is not None and answer.stale
    assert anchor(running)["rows_rendered"] == "260"


def test_the_control_word_comes_with_the_beat(running: ExportJob) -> None:
    anchors = Anchors(running.pk)
    shard = ExportShard.objects.get(job=running, number=3)
    shard.claim("somebody", 60, status="rendering")
    lifecycle.pause(running)
    answer = anchors.beat("rendered", 1, shard=shard, fence=9)
    assert answer is not None
    assert answer.control == "pause"


def test_lost_anchors_are_rebuilt_from_the_database(running: ExportJob) -> None:
    before = anchor(running)
    get_redis_connection().flushall()
    shard = ExportShard.objects.get(job=running, number=3)
    answer = Anchors(running.pk).beat("rendered", 50, shard=shard, fence=9)
    assert answer is not None and not answer.stale
    changed = {"rows_rendered", "last_updated", "rate", "fence"}
    after = anchor(running)
    assert {name: after[name] for name in after.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }
    assert after["rows_rendered"] == "250"


def test_the_status_is_the_same_from_the_anchors_and_from_the_database(
    running: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = status_of(running)
    assert (live.live, live.percent, live.rows_done) == (True, 70, 350)
    assert live.seconds_left is not None
    away.OF_ANCHORS.begin()
    kept = status_of(running)
    assert not kept.live
    for name in (
        "rows_total",
        "rows_extracted",
        "rows_rendered",
        "shards_done",
        "shards_total",
    ):
        assert getattr(kept, name) == getattr(live, name), name


def test_a_status_is_read_in_one_call_and_rebuilt_when_it_is_gone(
    running: ExportJob,
) -> None:
    get_redis_connection().flushall()
    assert status_of(running).live
    redis = get_redis_connection()
    redis.config_resetstat()
    status_of(running)
    commands = redis.info("commandstats")
    assert commands["cmdstat_hgetall"]["calls"] == 1


def test_an_export_goes_on_without_redis(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_BEAT_SECONDS = 0
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    assert data_rows(finish(ask())) == order_rows()


def test_a_pause_reaches_a_worker_without_redis(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 300
    settings.EXPORTAPP_BATCH_ROWS = 50
    settings.EXPORTAPP_BEAT_SECONDS = 0
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    job = ask()
    work.step(job)
    work.step(job)
    original = work.extract

    def pausing(*args: Any) -> Any:
        lifecycle.pause(ExportJob.objects.get(pk=job.pk))
        return original(*args)

    monkeypatch.setattr(work, "extract", pausing)
    work.work(job.pk)
    job.refresh_from_db()
    assert job.status == "paused"


def test_a_finished_job_shows_everything_done(orders: Orders, ask: Ask) -> None:
    orders(100)
    job = ask()
    finish(job)
    status = status_of(job)
    assert (status.percent, status.rows_rendered, status.seconds_left) == (
        100,
        100,
        None,
    )
    assert status.rate > 0
    assert anchor(job)["status"] == "succeeded"
