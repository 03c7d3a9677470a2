"""Exports beside one another on real workers: counted in events, never in seconds."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.plant import Plant
from tests.faults.processes import kill
from tests.faults.proof import require_right
from tests.house import wait_for

BuildPlant = Callable[..., Plant]

QUEUE = "rq:queue:exports"
ROUNDS = 3
"""Pieces of the large export that each worker may begin or end before the small one is through."""


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    return build_plant(
        orders=600,
        EXPORTAPP_SHARD_ROWS=10,
        EXPORTAPP_BATCH_ROWS=2,
        EXPORTAPP_PARALLELISM=2,
        EXPORTAPP_LEASE_SECONDS=600,
    )


def pieces_between(plant: Plant, large: str, small: str) -> int:
    """Pieces of the large export that were done while the small one was under way."""
    sql = """SELECT count(*) FROM exportapp_exportevent WHERE job_id = %s
        AND kind IN ('extracted', 'rendered')
        AND id > (SELECT min(id) FROM exportapp_exportevent WHERE job_id = %s)
        AND id < (SELECT id FROM exportapp_exportevent WHERE job_id = %s AND kind = 'merged')"""
    return int(plant.house.rows(sql, [large, small, small])[0][0])


def ask_small(plant: Plant) -> str:
    """An export of one order, asked beside another."""
    before = set(plant.jobs())
    number = plant.house.rows("SELECT min(number) FROM shop_order")[0][0]
    args = ("export_excel", "shop.Order", "--search", str(number), "--queue")
    plant.manage(*args)
    (job,) = set(plant.jobs()) - before
    return job


def worked_on(plant: Plant, job: str) -> int:
    """How many workers hold a shard of it."""
    sql = "SELECT count(DISTINCT worker) FROM exportapp_exportshard WHERE job_id = %s"
    return int(plant.house.rows(f"{sql} AND lease_until IS NOT NULL", [job])[0][0])


def test_a_small_export_does_not_wait_for_a_large_one(plant: Plant) -> None:
    plant.hire(2)
    large = plant.ask_at_once()
    wait_for(lambda: worked_on(plant, large) == 2, what="both workers are at it")

    small = ask_small(plant)

    assert plant.wait_until_ended(small) == "succeeded"
    left = plant.count(large, "pending") + plant.count(large, "extracted")
    assert left > 20, "else nothing is shown: the large one was through anyway"
    # Its plan, its two pieces and its merge can be four slices, one behind the other.
    done = pieces_between(plant, large, small)
    assert done <= 4 * 2 * ROUNDS, done
    assert plant.wait_until_ended(large, 120) == "succeeded", "nor does the large one starve"
    workers = {name for name, *_ in plant.events(large, "rendered")}
    assert len(workers) >= 2
    require_right(plant, large)


def test_idle_workers_are_called_to_an_export_that_began_without_them(plant: Plant) -> None:
    (first,) = plant.hire(1)
    redis = plant.house.redis()
    job = plant.ask_at_once()
    wait_for(lambda: plant.count(job, "extracted") > 2, what="one worker is at it")
    (horse,) = first.horses
    kill(horse, signal.SIGSTOP)
    assert redis.llen(QUEUE) <= 1, "as many as idle workers, or one"
    # What it was left with when it began; from here on somebody has to call.
    redis.delete(QUEUE)
    plant.hire(3)
    most = []

    kill(horse, signal.SIGCONT)

    def ended() -> bool:
        most.append(redis.zcard("rq:wip:exports"))
        return plant.state(job) == "succeeded"

    wait_for(ended, 120, "it ends")
    assert max(most) == 2, "the third is one more than EXPORTAPP_PARALLELISM"
    plant.wait_until_ended(job)
    assert len({name for name, *_ in plant.events(job, "rendered")}) >= 2, "another helped"
    require_right(plant, job)


def test_one_row_wakes_one_worker(plant: Plant) -> None:
    plant.hire(2)
    job = ask_small(plant)
    assert plant.wait_until_ended(job) == "succeeded"
    kinds: dict[str, Any] = {name: plant.events(job, name) for name in ("extracted", "rendered")}
    assert {len(found) for found in kinds.values()} == {1}
    wait_for(lambda: not plant.house.redis().llen(QUEUE), what="nothing is left over")
