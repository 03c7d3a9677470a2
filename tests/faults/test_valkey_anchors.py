"""What is promised of the anchors, counted at the server and asked by two processes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis

from exportapp.jobs import work
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import claim_shard
from exportapp.jobs.progress import Anchors
from exportapp.models import ExportJob
from exportapp.states import ShardState
from tests.faults.plant import Plant
from tests.services import services

BEATS = 10


def test_a_sign_of_life_is_one_call(
    orders: Callable[[int], None], ask: Callable[..., ExportJob], settings: Any
) -> None:
    orders(50)
    settings.EXPORTAPP_BEAT_SECONDS = 0
    job = ask()
    while job.planned_at is None:
        work.step(job)
        job.refresh_from_db()
    lease = claim_shard(job, ShardState.PENDING)
    assert lease is not None
    beat = Heartbeat(job, lease, Anchors(job.pk), "extracted")
    beat(1)  # which also loads the script

    assert calls(lambda: [beat(rows) for rows in range(BEATS)]) == ["EVALSHA"] * BEATS


def calls(action: Callable[[], object]) -> list[str]:
    """The commands that clients send to the server of the anchors during `action`."""
    # Connections of their own: one taken from the pool would be opened there anew.
    watching, ending = (Redis.from_url(services.valkey.url) for _ in range(2))
    with watching, ending:
        ending.ping()
        return _watched(watching, action, lambda: ending.echo("over"))


def _watched(redis: Redis, action: Callable[[], object], end: Callable[[], object]) -> list[str]:
    with redis.monitor() as monitor:
        action()
        end()
        found = []
        while (seen := monitor.next_command())["command"] != "ECHO over":
            # What a script calls is seen too.
            if seen["client_type"] != "lua":
                found.append(seen["command"].split()[0])
        return found


def test_two_processes_that_ask_at_the_same_moment_get_one_job(
    build_plant: Callable[..., Plant],
) -> None:
    plant = build_plant(orders=300)
    asked = ("export_excel", "shop.Order", "--queue")
    clicks = [plant.start(*asked) for _ in range(2)]
    assert [click.wait(60) for click in clicks] == [0, 0], [click.log() for click in clicks]
    (job,) = plant.jobs()
    assert [click.log().strip() for click in clicks] == [job, job]
    redis = plant.house.redis(1)
    (key,) = redis.keys("export:request:*")
    assert redis.get(key) == job.encode()
    assert 0 < redis.ttl(key) <= 24 * 3600
