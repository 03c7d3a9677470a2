"""Workers that are exchanged one after the other, as a deployment does, while they work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.faults.plant import Plant
from tests.faults.processes import listening
from tests.faults.proof import require_right
from tests.house import wait_for
from tests.worker import Worker

RESTARTS: Final = 4


def test_a_rolling_restart_takes_nothing_from_an_export(build_plant: Callable[..., Plant]) -> None:
    plant = build_plant(orders=300, EXPORTAPP_SHARD_ROWS=50, EXPORTAPP_BATCH_ROWS=1)
    plant.hire(2)
    jobs = [plant.ask_at_once()]
    interrupted = 0
    for _ in range(RESTARTS):
        new = listening(plant.begin_worker())

        def busy(new: Worker = new) -> Worker | None:
            if plant.state(jobs[-1]) == "succeeded":
                jobs.append(plant.ask_at_once())
            return next((each for each in plant.workers if each is not new and each.horses), None)

        old = wait_for(busy, what="one that is to go is at work")
        plant.workers.remove(old)
        old.terminate()
        assert old.wait() == 0
        interrupted += len(plant.events(jobs[-1], "released"))

    for job in jobs:
        assert plant.wait_until_ended(job) == "succeeded"
        # No cron is there: every worker that went left a wake-up for those who stay.
        for kind in ("recovered", "retried", "refused", "woken"):
            assert plant.events(job, kind) == []
        for kind in ("extracted", "rendered"):
            assert set(plant.made(job, kind).values()) == {1}, "nothing was made twice"
    assert interrupted, "somebody was in the middle of something"
    require_right(plant, jobs[-1])
