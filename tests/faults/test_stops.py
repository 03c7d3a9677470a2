"""A person's word to real workers: heard within two seconds, whoever is dead or away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.faults.held import holders
from tests.faults.plant import Plant
from tests.faults.processes import is_alive, kill
from tests.faults.proof import require_right, require_tidy
from tests.house import wait_for

SECONDS: Final = 2
ENDS: Final = {"--pause": "paused", "--cancel": "cancelled"}


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(orders=300, EXPORTAPP_SHARD_ROWS=150, EXPORTAPP_BATCH_ROWS=1)
    plant.watch()
    return plant


@pytest.fixture
def job(plant: Plant) -> str:
    """An export in the middle of a shard."""
    plant.hire(1)
    job = plant.ask()
    wait_for(lambda: plant.count(job, "extracting") and holders(plant), what="a shard is read")
    return job


def press(plant: Plant, button: str, job: str) -> None:
    plant.manage("export_excel", button, job)
    wait_for(lambda: plant.state(job) == ENDS[button], SECONDS, f"it is {ENDS[button]}")
    assert holders(plant) == set()


def go_on(plant: Plant, job: str) -> None:
    plant.hire(1)
    plant.resume(job)
    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_right(plant, job)


@pytest.mark.parametrize("button", ENDS)
def test_a_worker_lets_go_within_two_seconds_of(plant: Plant, job: str, button: str) -> None:
    press(plant, button, job)
    require_tidy(plant, job)
    counted = "SELECT sum(lost_leases), sum(attempts) FROM exportapp_exportshard WHERE job_id = %s"
    assert plant.house.rows(counted, [job]) == [(0, 0)]
    go_on(plant, job)


@pytest.mark.parametrize("button", ENDS)
def test_it_does_so_without_redis_after(plant: Plant, job: str, button: str) -> None:
    plant.house.valkey.kill()
    try:
        press(plant, button, job)
        require_tidy(plant, job)
    finally:
        plant.house.valkey.start()
    go_on(plant, job)


@pytest.mark.parametrize("button", ENDS)
def test_a_worker_that_is_dead_does_not_hold_up(plant: Plant, job: str, button: str) -> None:
    (worker,) = plant.workers
    horses = worker.horses
    for pid in (*horses, worker.pid):
        kill(pid)
    wait_for(lambda: not any(map(is_alive, horses)), what="it is dead")
    press(plant, button, job)
    go_on(plant, job)
