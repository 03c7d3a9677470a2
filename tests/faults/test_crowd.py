"""Fifty exports of all sizes at once for two workers; twenty of them in `make test`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.faults.extent import FULL
from tests.faults.plant import Plant
from tests.faults.proof import require_right, undisturbed
from tests.house import wait_for
from tests.oracle import data_rows

LARGE, MIDDLE, SMALL = (2000, 4, 15) if FULL else (1000, 1, 6)
SIZES: Final = [LARGE] + [300] * MIDDLE + [1, 10, 50] * SMALL
"""Rows of each export, in the order in which they are asked for: the largest comes first."""

PATIENCE_SECONDS: Final = 200
"""They take turns, so that all the small ones end late and close together."""

CONNECTED: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(orders=max(SIZES))
    temporary = plant.house.folder / "temporary"
    temporary.mkdir()
    plant.env["TMPDIR"] = str(temporary)
    return plant


def ask_for_all(plant: Plant, orders: list[int]) -> list[str]:
    """The exports of the first rows, as one person asks for them in one go."""
    asked = json.dumps([orders[:size] for size in SIZES])
    code = f"from tests.faults.watchman import ask_for; ask_for({asked})"
    return list(json.loads(plant.manage("shell", "--no-imports", "-c", code).stdout))


def resident(plant: Plant) -> int:
    """Bytes of the largest process that works for the plant."""
    sizes = [0]
    for worker in plant.workers:
        for pid in (worker.pid, *worker.horses):
            try:
                sizes.append(psutil.Process(pid).memory_info().rss)
            except psutil.NoSuchProcess:
                continue
    return max(sizes)


def open_files(plant: Plant) -> list[int]:
    return [psutil.Process(worker.pid).num_fds() for worker in plant.workers]


def ended(plant: Plant, jobs: list[str]) -> list[str]:
    """Those of the exports that are over, the first first."""
    sql = "SELECT id FROM exportapp_exportjob WHERE cleaned_at IS NOT NULL ORDER BY finished_at"
    return [str(job) for (job,) in plant.house.rows(sql) if str(job) in jobs]


@pytest.mark.timeout(400)
def test_fifty_exports_at_once_starve_nobody_and_leave_nothing(plant: Plant) -> None:
    plant.hire(2)
    rows = undisturbed(plant)[1]
    ids = dict(plant.house.rows("SELECT number, id FROM shop_order"))
    orders = [ids[row[0]] for row in rows]
    before = plant.house.rows(CONNECTED), open_files(plant)

    jobs = ask_for_all(plant, orders)
    over: list[str] = []
    sizes = []
    while len(over) < len(jobs):
        known = len(over)
        wait_for(lambda known=known: len(ended(plant, jobs)) > known, PATIENCE_SECONDS, "one ends")
        over = ended(plant, jobs)
        sizes.append(resident(plant))

    assert over[-1] == jobs[0], "the largest was asked for first and did not keep the others"
    third = len(sizes) // 3
    assert max(sizes[-third:]) < max(sizes[:third]) * 1.2, "memory of the largest process"
    wait_for(lambda: not any(worker.horses for worker in plant.workers), what="nobody is busy")
    wait_for(lambda: plant.house.rows(CONNECTED) == before[0], what="connections are closed")
    assert open_files(plant) == before[1]
    assert list(Path(plant.env["TMPDIR"]).iterdir()) == []
    for job, size in zip(jobs, SIZES, strict=True):
        numbers = [row[0] for row in data_rows(plant.file(job))]
        assert numbers == [row[0] for row in rows[:size]]
        assert list(plant.folder(job).iterdir()) == [plant.file(job)]
    require_right(plant, jobs[0])
