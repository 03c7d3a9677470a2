"""Workers die at each point of the work, one after the other; nobody comes to help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.faults.extent import FULL
from tests.faults.plant import Plant
from tests.faults.points import POINTS, Whom, armed
from tests.faults.proof import require_right
from tests.house import wait_for
from tests.services import ON_SQLITE

NTH: Final = {
    "between_plan_inserts": 3,
    "extracting_a_batch": 3,
    "rendering_a_batch": 3,
    "in_merge": 4,
}
"""In the middle where there are many; else the first time."""

# A work-horse that outlives its parent finishes what it is in the middle of: so that comes last.
ALL: Final[tuple[Whom, ...]] = ("self", "both", "parent")

REACHED_ONCE: Final = ("fanning_out", "after_layout", "after_final_commit")
"""What is before these is committed: no second worker comes by."""

LAST: Final = "after_cleaning"
"""Nobody comes by there after a death at `after_final_commit`, but the cron."""

TOGETHER: Final = (
    ("between_plan_inserts", "rendering_a_batch"),
    ("extracting_a_batch", "in_final_commit"),
    ("before_claim", "in_merge"),
    ("after_claim", "after_final_fsync"),
    ("before_commit", "after_final_rename"),
    ("in_commit", "before_layout"),
    ("after_fsync", "after_commit"),
    ("after_write", "in_layout_move"),
    ("after_rename",),
)
"""Points that are far apart, in one export of `make test`; by itself each is in the full run."""

# A work-horse that outlives its parent finishes what it is in the middle of: so that comes last.
ALL: Final[tuple[Whom, ...]] = ("self", "both", "parent")

Deaths = list[tuple[str, Whom]]


def deaths() -> list[Deaths]:
    """Where who dies during one export, one after the other at each point."""
    if FULL:
        return [[(point, whom)] for point in POINTS for whom in ALL]
    if ON_SQLITE:
        # What a database can make a difference to is what a commit leaves, not who was killed.
        groups = [REACHED_ONCE, *TOGETHER, (LAST,)]
        return [[(point, "both") for point in group] for group in groups]
    several: list[Deaths] = [
        [(point, whom) for point in group for whom in ALL] for group in TOGETHER
    ]
    for case, whom in zip(several[-len(ALL) :], ALL, strict=True):
        case.append((LAST, whom))
    turns = [(*ALL[turn:], *ALL[:turn]) for turn in range(len(ALL))]
    return several + [list(zip(REACHED_ONCE, turn, strict=True)) for turn in turns]


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    # Here one shard may well be hit three times in a row: that is our doing, not the shard's.
    plant = build_plant(orders=300, EXPORTAPP_MAX_LOST_LEASES=1000)
    plant.watch()
    return plant


def test_every_point_is_tried() -> None:
    assert {point for case in deaths() for point, _ in case} == set(POINTS)


@pytest.mark.parametrize(
    "case", deaths(), ids=lambda case: "-".join(f"{point}:{whom}" for point, whom in case)
)
def test_an_export_survives_deaths_at(plant: Plant, case: Deaths) -> None:
    plant.disarm()
    # Of each worker that dies one is gone, and one must stay.
    plant.hire(1 + sum(whom != "self" for _, whom in case))
    for point, whom in case:
        plant.arm(point, NTH.get(point, 1), whom=whom)
    job = plant.ask()

    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)

    # The last point is behind what ends the export.
    wait_for(lambda: not armed(plant.faults), what="they died there")
    require_right(plant, job)
    wait_for(lambda: not any(worker.horses for worker in plant.workers), what="nobody is busy")
