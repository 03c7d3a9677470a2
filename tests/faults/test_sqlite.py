"""A SQLite that others keep busy, whose disk fails, and that two processes export from at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from tests.faults.plant import Plant
from tests.faults.proof import require_right, undisturbed
from tests.house import wait_for
from tests.oracle import data_rows, sheet_parts
from tests.worker import Worker

BuildPlant = Callable[..., Plant]

BUSY_SECONDS = 1
"""How long a process waits for its turn to write; 30 in the sample project's settings."""


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    plant = build_plant(orders=300, EXPORTAPP_BATCH_ROWS=2, EXPORTAPP_BREAKER_SECONDS=1)
    plant.env["DATABASE_URL"] = f"{plant.house.database_url}?timeout={BUSY_SECONDS}"
    plant.watch()
    return plant


@contextmanager
def busy(plant: Plant) -> Iterator[None]:
    """Hold the lock without which nobody can write."""
    path = plant.house.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield


def test_an_export_goes_on_when_others_keep_the_database_busy_again_and_again(
    plant: Plant,
) -> None:
    workers = plant.hire(2)
    job = plant.ask()
    for shards in (1, 3, 5):
        wait_for(lambda n=shards: plant.count(job, "rendered") >= n)
        with busy(plant):
            threading.Event().wait(2.2 * BUSY_SECONDS)  # the fault itself
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    assert all(worker.alive for worker in workers)


def test_two_commands_on_one_file_give_the_same_export_to_both(plant: Plant) -> None:
    plant.hire(0)
    targets = [plant.house.folder / name for name in ("one.xlsx", "two.xlsx")]
    asked = ("export_excel", "shop.Order", "-o")
    commands = [plant.start(*asked, str(target)) for target in targets]
    for command in commands:
        assert command.wait(60) == 0, command.log()
    for target in targets:
        assert (sheet_parts(target), data_rows(target)) == undisturbed(plant)
    require_right(plant, plant.jobs()[-1])


def test_an_export_goes_on_after_the_disk_under_the_database_failed(plant: Plant) -> None:
    (worker,) = plant.hire(1)
    job = plant.ask()
    wait_for(lambda: plant.count(job, "rendered") >= 1)
    with failing_disk(worker):
        threading.Event().wait(2)  # the fault itself
        assert plant.state(job) == "rendering"
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    said = [message for _, _, message, _ in plant.events(job, "retried")]
    assert "disk I/O error" in "\n".join([*said, worker.log()])


@contextmanager
def failing_disk(worker: Worker) -> Iterator[None]:
    """Have writes behind the first 64 KiB of a file refused: the journal is larger, shards not."""
    limited = psutil.Process(worker.pid)
    limit(limited, 64 * 1024)
    for horse in worker.horses:
        limit(psutil.Process(horse), 64 * 1024)
    yield
    limit(limited, psutil.RLIM_INFINITY)
    for horse in worker.horses:
        limit(psutil.Process(horse), psutil.RLIM_INFINITY)


def limit(process: psutil.Process, size: int) -> None:
    process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
