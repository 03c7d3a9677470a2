"""Workers die at each point of the work, one after the other; nobody comes to help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.faults.plant import Plant
from tests.faults.points import POINTS, Whom, armed
from tests.house import wait_for
from tests.services import ON_SQLITE

NTH: Final = {
    "between_plan_inserts": 3,
    "extracting_a_batch": 3,
    "rendering_a_batch": 3,
    "in_merge": 4,
}
"""In the middle where there are many; else the first time."""

REACHED_ONCE: Final = {"fanning_out", "after_layout", "after_final_commit", "after_cleaning"}
"""What is before these is committed: no second worker comes by."""

# A work-horse that outlives its parent finishes what it is in the middle of: so that comes last.
ALL: Final[tuple[Whom, ...]] = ("self", "both", "parent")


def deaths() -> list[tuple[str, tuple[Whom, ...]]]:
    """Each point with those who die there during one export, one after the other."""
    if ON_SQLITE:
        # What a database can make a difference to is what a commit leaves, not who was killed.
        return [(point, ("both",)) for point in POINTS]
    several = [(point, ALL) for point in POINTS.keys() - REACHED_ONCE]
    return sorted(several + [(point, (whom,)) for point in REACHED_ONCE for whom in ALL])


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(orders=500)
    plant.watch()
    return plant


@pytest.mark.parametrize(
    ("point", "whom"), deaths(), ids=lambda case: case if isinstance(case, str) else "-".join(case)
)
def test_an_export_survives_deaths_at(plant: Plant, point: str, whom: tuple[Whom, ...]) -> None:
    plant.disarm()
    plant.hire(3)
    for victim in whom:
        plant.arm(point, NTH.get(point, 1), whom=victim)
    job = plant.ask()

    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)

    # The last point is behind what ends the export.
    wait_for(lambda: not armed(plant.faults), what="they died there")
    plant.require_right(job)
    wait_for(lambda: not any(worker.horses for worker in plant.workers), what="nobody is busy")
