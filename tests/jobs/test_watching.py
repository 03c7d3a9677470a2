"""What those who watch an export are told: its map, its pace, what is left, and who is silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_redis import get_redis_connection

from exportapp.jobs import lifecycle, pace, shardmap, status, work
from exportapp.jobs.durations import about
from exportapp.jobs.progress import Anchors
from exportapp.jobs.shardmap import CELLS, counted, shard_map
from exportapp.jobs.status import SILENT_BEATS, Status, status_of
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from tests.jobs.test_work import step_until

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def running(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Five shards of ten rows, all extracted, two rendered."""
    orders(50)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    work.step(job)
    return job


def test_a_map_has_a_cell_for_each_shard_with_what_is_known_of_it(running: ExportJob) -> None:
    shards = ExportShard.objects.filter(job=running)
    shards.filter(number=3).update(status="failed", error="no memory", attempts=4, lost_leases=1)
    shards.get(number=4).claim("host/1/2/3", 60, status="rendering")

    cells = shard_map(running)

    assert [(cell.first, cell.last, cell.rows) for cell in cells] == [
        (number, number, 10) for number in range(1, 6)
    ]
    assert [cell.state for cell in cells] == [
        *("rendered", "rendered", "failed", "rendering", "extracted")
    ]
    assert [cell.is_rendered for cell in cells] == [True, True, False, False, False]
    assert (cells[2].error, cells[2].attempts) == ("no memory", 5)
    assert [cell.worker for cell in cells] == ["", "", "", "host/1/2/3", ""]


@pytest.mark.parametrize("count", [CELLS, CELLS + 1, 5_000])
def test_a_map_of_many_shards_is_bounded_and_leaves_none_out(
    orders: Orders, ask: Ask, count: int
) -> None:
    job = ask()
    ExportShard.objects.bulk_create(
        ExportShard(job=job, number=number, upto="", rows_planned=2)
        for number in range(1, count + 1)
    )
    ExportShard.objects.filter(job=job, number=count).update(status="failed")

    with CaptureQueriesContext(connection) as queries:
        cells = shard_map(job)

    assert len(queries) == 1
    assert CELLS / 2 < len(cells) <= CELLS
    assert sum(cell.rows for cell in cells) == 2 * count
    assert counted(cells) == {ShardState.PENDING: count - 1, ShardState.FAILED: 1}
    assert cells[-1].state == ShardState.FAILED
    for before, after in zip(cells, cells[1:], strict=False):
        assert after.first == before.last + 1
    assert (cells[0].first, cells[-1].last) == (1, count)


def test_an_export_without_shards_has_an_empty_map(orders: Orders, ask: Ask) -> None:
    assert shard_map(ask()) == []
    assert shardmap.counted([]) == {}


def test_the_pace_is_what_was_finished_in_each_part_of_the_time(orders: Orders, ask: Ask) -> None:
    job = ask()
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for second in range(21):
        event = ExportEvent.objects.create(job=job, kind="rendered", data={"rows": 100})
        ExportEvent.objects.filter(pk=event.pk).update(at=begun + timedelta(seconds=second))

    found = pace.pace(job)

    assert len(found) == 10
    # Each of 20 intervals finished 100 rows that were written: half of their work.
    assert sum(found) / len(found) == pytest.approx(50)
    assert max(found) < 2 * min(found)
    job.events.exclude(pk=job.events.order_by("pk").last().pk).delete()
    assert pace.pace(job) == []


def test_the_pace_of_a_finished_export_is_of_the_time_in_which_it_was_worked_at(
    running: ExportJob,
) -> None:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    happened = (
        ("moved", "extracting"), ("moved", "pausing"), ("moved", "paused"), ("moved", "queued"),
        ("moved", "extracting"), ("waiting", ""), ("went_on", ""), ("moved", "rendering"),
        ("moved", "merging"), ("moved", "succeeded"), ("downloaded", ""),
    )  # fmt: skip
    running.events.all().delete()
    for minute, (kind, after) in enumerate(happened):
        event = ExportEvent.objects.create(job=running, kind=kind, data={"after": after})
        ExportEvent.objects.filter(pk=event.pk).update(at=begun + timedelta(minutes=minute))
    running.status, running.started_at = "succeeded", begun
    running.finished_at = begun + timedelta(minutes=9)

    # Five minutes of nine: before and after the pause, before and after the wait, writing, joining.
    assert pace.seconds_of_work(running) == 5 * 60
    assert status_of(running).rate == 50 / (5 * 60)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a few seconds"),
        (12, "about 10 seconds"),
        (54, "about 50 seconds"),
        (56, "about 1 minute"),
        (110, "about 2 minutes"),
        (9 * 60, "about 9 minutes"),
        (23 * 60, "about 25 minutes"),
        (56 * 60, "about 1 hour"),
        (5 * 3600, "about 5 hours"),
        (3 * 86400, "about 3 days"),
    ],
)
def test_what_is_left_is_said_no_finer_than_it_is_known(seconds: int, said: str) -> None:
    assert about(seconds) == said


def test_the_rate_settles_whatever_one_batch_does(running: ExportJob) -> None:
    anchors, shard = Anchors(running.pk), ExportShard.objects.get(job=running, number=3)
    redis = get_redis_connection()
    key = anchors.keys[4]

    def beat(rows: int, past: float) -> float:
        """Let `past` seconds go by, then report so many rows of the shard."""
        redis.hset(key, "at", float(redis.hget(key, "at")) - past)
        assert anchors.beat("rendered", rows, shard=shard, fence=9)
        return float((anchors.read() or {})["rate"])

    anchors.beat("rendered", 0, shard=shard, fence=9)
    steady = [beat(rows, 1) for rows in range(2_000, 82_000, 2_000)]
    assert steady[-1] == pytest.approx(1_000, rel=0.1)
    # A second in which nothing comes, and one in which ten times as much does.
    assert beat(80_000, 1) > 0.85 * steady[-1]
    assert beat(100_000, 1) < 1.6 * steady[-1]

    lifecycle.pause(running)
    lifecycle.resume(running, queue=False)
    anchors.beat("rendered", 100_000, shard=shard, fence=9)
    assert float((anchors.read() or {})["rate"]) == 0


def test_workers_that_give_no_sign_of_life_are_missed(running: ExportJob) -> None:
    assert status_of(running).silent_for is None
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=2 * SILENT_BEATS)):
        seen = status_of(running)
        assert seen.silent_for is not None and seen.silent_for > SILENT_BEATS
        running.waiting_for = "The night is for others."
        assert status_of(running).silent_for is None


def test_the_phase_is_the_one_it_was_stopped_in(running: ExportJob) -> None:
    def seen() -> Status:
        running.refresh_from_db()
        return status.status_of(running)

    assert seen().phase == JobState.RENDERING
    lifecycle.pause(running)
    assert (seen().state, seen().phase) == (JobState.PAUSED, JobState.RENDERING)
    ExportJob.objects.filter(pk=running.pk).update(layout=None)
    assert seen().phase == JobState.EXTRACTING
