"""A worker, and the cron beside it, whose clock is ten minutes off: leases are the database's."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults import points
from tests.faults.held import lease_of
from tests.faults.plant import Plant
from tests.faults.processes import is_alive, kill, listening
from tests.faults.proof import require_right
from tests.house import wait_for

LEASE_SECONDS: Final = 3
BATCH: Final = "extracting_a_batch"


def wait_for_frozen(folder: Path) -> int:
    wait_for(lambda: points.struck(folder), what="it stands still")
    (pid,) = points.struck(folder)
    return pid


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    return build_plant(orders=300, EXPORTAPP_LEASE_SECONDS=LEASE_SECONDS)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_off_neither_takes_a_lease_early_nor_keeps_one(
    plant: Plant, minutes: int
) -> None:
    plant.hire(0)
    plant.disarm()
    off = {points.CLOCK: str(60 * minutes)}
    apart = plant.house.folder / f"apart{minutes}"
    apart.mkdir(exist_ok=True)
    plant.watch(**off)
    for worker in plant.begin_worker(**off), plant.begin_worker(**{points.FOLDER: str(apart)}):
        listening(worker)
    for folder in (plant.faults, apart):
        points.arm(folder, BATCH, 3, signal.SIGSTOP, "self")
    job = plant.ask()
    frozen = [wait_for_frozen(folder) for folder in (plant.faults, apart)]
    leases = [lease_of(plant, pid) for pid in frozen]

    plant.begin_worker(**off | {points.FOLDER: str(plant.house.folder / "none")})

    assert plant.wait_until_ended(job) == "succeeded", "by one whose clock is off too"
    for pid, lease in zip(frozen, leases, strict=True):
        lost = [at for _, _, why, at in plant.events(job, "recovered") if f"/{pid}/" in why]
        assert [at >= lease for at in lost] == [True], "once, and not early"
        kill(pid, signal.SIGCONT)
        wait_for(lambda pid=pid: not is_alive(pid), what="the stale worker ends")
    require_right(plant, job)
