"""A worker dies at each point of the work, and a second one after it; nobody comes to help."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.plant import Plant
from tests.faults.points import POINTS, armed
from tests.house import wait_for

NTH = {"between_plan_inserts": 3, "extracting_a_batch": 3, "rendering_a_batch": 3, "in_merge": 4}
"""In the middle where there are many; else the first time."""


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(orders=500)
    plant.watch()
    return plant


@pytest.mark.parametrize("point", POINTS)
def test_an_export_survives_two_deaths_at(plant: Plant, point: str) -> None:
    plant.disarm()
    plant.hire(2)
    plant.arm(point, NTH.get(point, 1))
    plant.arm(point, NTH.get(point, 1))
    job = plant.ask()

    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)

    assert len(armed(plant.faults)) == (point in REACHED_ONCE), "the workers died there"
    plant.require_right(job)
    wait_for(lambda: not any(worker.horses for worker in plant.workers), what="nobody is busy")


REACHED_ONCE = {"after_layout", "before_cleaning", "after_cleaning"}
"""What is behind these is committed: no second worker comes by."""
