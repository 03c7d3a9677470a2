"""A worker, and the cron beside it, whose clock is ten minutes off: leases are the database's."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults import points
from tests.faults.plant import Plant, is_alive, kill, lease_of
from tests.house import wait_for

LEASE_SECONDS: Final = 3
BATCH: Final = "extracting_a_batch"


def wait_for_frozen(folder: Path) -> int:
    wait_for(lambda: points.struck(folder), what="it stands still")
    (pid,) = points.struck(folder)
    return pid


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_off_neither_takes_a_lease_early_nor_keeps_one(
    build_plant: Callable[..., Plant], minutes: int
) -> None:
    plant = build_plant(orders=500, EXPORTAPP_LEASE_SECONDS=LEASE_SECONDS)
    off = {points.CLOCK: str(60 * minutes)}
    apart = plant.house.folder / "apart"
    apart.mkdir()
    plant.watch(**off)
    for worker in plant.begin_worker(**off), plant.begin_worker(**{points.FOLDER: str(apart)}):
        wait_for(lambda worker=worker: "Listening on" in worker.log())
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
    plant.require_right(job)
