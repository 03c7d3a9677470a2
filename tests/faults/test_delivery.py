"""A wake-up that comes three times, or never."""

from __future__ import annotations

from collections.abc import Callable

import rq

from tests.faults.plant import Plant
from tests.faults.points import DELIVERIES
from tests.faults.proof import require_right
from tests.house import wait_for


def test_an_export_whose_wake_ups_all_come_three_times_is_made_once(
    build_plant: Callable[..., Plant],
) -> None:
    plant = build_plant(orders=300, deliveries=3)
    plant.hire(3)
    job = plant.ask_at_once()
    assert plant.wait_until_ended(job) == "succeeded"
    file = require_right(plant, job).stat()
    queue = rq.Queue("exports", connection=plant.house.redis())
    wait_for(lambda: not len(queue) and not any(worker.horses for worker in plant.workers))
    # The click's, and one at least that calls for help.
    assert queue.finished_job_registry.get_job_count() >= 3 * 2, "all of them were delivered"
    after = require_right(plant, job).stat()
    assert (after.st_ino, after.st_mtime_ns) == (file.st_ino, file.st_mtime_ns)
    for kind in ("extracted", "rendered"):
        assert len(plant.events(job, kind)) == 6, "no shard was made twice"
    assert len(plant.events(job, "merged")) == 1


def test_an_export_goes_on_when_no_wake_up_is_ever_delivered_but_the_cron_s(
    build_plant: Callable[..., Plant],
) -> None:
    plant = build_plant(orders=300, deliveries=0)
    job = plant.ask_at_once()
    assert len(rq.Queue("exports", connection=plant.house.redis())) == 0
    plant.hire(2)
    plant.watch(**{DELIVERIES: "1"})
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    assert plant.events(job, "woken")
