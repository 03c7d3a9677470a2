"""Workers begun in other ways: RQ's own plain class, and django-rq's pool."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.faults.held import holders
from tests.faults.plant import Plant
from tests.faults.processes import is_alive, listening
from tests.faults.proof import require_right
from tests.house import ROOT, wait_for
from tests.worker import Worker

BuildPlant = Callable[..., Plant]

PLAIN = ("rqworker", "exports", "--worker-class", "rq.Worker")
POOL = ("rqworker-pool", "exports", "--num-workers", "2")


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    """No cron: nobody else makes up for what a worker does wrong."""
    slow = {"EXPORTAPP_SHARD_ROWS": 150, "EXPORTAPP_BATCH_ROWS": 1}
    return build_plant(orders=300, EXPORTAPP_PARALLELISM=2, **slow)


def begin(plant: Plant, command: tuple[str, ...]) -> Worker:
    return listening(plant.start(*command))


def in_the_middle(plant: Plant) -> tuple[str, int]:
    """An export, and the process that holds a shard of it."""
    job = plant.ask_at_once()
    wait_for(lambda: plant.count(job, "extracting") and holders(plant), what="a shard is read")
    (horse, *_) = wait_for(lambda: holders(plant))
    return job, horse


@pytest.mark.parametrize("command", [PLAIN, POOL], ids=["plain", "pool"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_hands_its_lease_back_and_the_next_of_its_kind_goes_on(
    plant: Plant, command: tuple[str, ...], number: signal.Signals
) -> None:
    worker = begin(plant, command)
    job, horse = in_the_middle(plant)
    everybody = [worker.pid, *worker.horses]

    worker.signal(number)

    wait_for(lambda: not is_alive(horse) and not holders(plant), 20, "before a lease is over")
    wait_for(lambda: not any(map(is_alive, everybody)), what="nobody is left running")
    assert worker.wait() == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    counted = "SELECT sum(lost_leases), sum(attempts) FROM exportapp_exportshard WHERE job_id = %s"
    assert plant.house.rows(counted, [job]) == [(0, 0)], "nothing was lost, nothing failed"

    again = begin(plant, command)
    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_right(plant, job)
    again.terminate()
    assert again.wait() == 0


def test_a_work_horse_imports_nothing_heavy_and_inherits_no_connection() -> None:
    code = """
import os, sys
import django; django.setup()
from django.db import connection
from exportapp.jobs.worker import ExportWorker
import rq
assert {"pyarrow", "exportapp.jobs.work", "exportapp.jobs.merge"} <= set(sys.modules)
connection.ensure_connection()
rq.Worker.fork_work_horse = lambda self, job, queue: print(connection.connection is None)
ExportWorker._stop_requested = False
ExportWorker.fork_work_horse(object.__new__(ExportWorker), None, None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
