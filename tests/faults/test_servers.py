"""Valkey and PostgreSQL go away in the middle of exports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections

from tests.faults.extent import outage
from tests.faults.plant import Plant
from tests.faults.proof import require_right, undisturbed
from tests.faults.test_valkey import in_the_middle
from tests.house import wait_for
from tests.oracle import data_rows, sheet_parts
from tests.services import Services

BuildPlant = Callable[..., Plant]

OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
TERMINATE = f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS p WHERE pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    plant = build_plant(orders=300, EXPORTAPP_SHARD_ROWS=25, EXPORTAPP_BATCH_ROWS=2)
    plant.watch()
    return plant


def test_a_worker_finishes_an_export_while_valkey_is_away(build_plant: BuildPlant) -> None:
    plant = build_plant(orders=300, EXPORTAPP_BATCH_ROWS=2)
    plant.hire(1)
    job = plant.ask_at_once()
    # Before the layout, where wake-ups for the other workers are to be sent.
    wait_for(lambda: plant.count(job, "extracted") >= 2)
    plant.house.valkey.kill()
    assert plant.state(job) == "extracting"

    assert plant.wait_until_ended(job) == "succeeded"

    require_right(plant, job)


def test_workers_go_on_during_ten_seconds_without_valkey_and_after(plant: Plant) -> None:
    workers = plant.hire(2)
    job = in_the_middle(plant)
    plant.house.valkey.kill()
    rendered = plant.count(job, "rendered")
    threading.Event().wait(outage(10))  # the fault itself: this long nobody answers
    assert plant.count(job, "rendered") > rendered
    plant.house.valkey.start()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    again = plant.ask()
    assert plant.wait_until_ended(again) == "succeeded"
    require_right(plant, again)
    assert all(worker.alive for worker in workers)


def test_the_command_goes_on_when_valkey_is_killed(plant: Plant, tmp_path: Path) -> None:
    target = tmp_path / "o.xlsx"
    command = plant.start("export_excel", "shop.Order", "-o", str(target), REDIS_RETRIES="2")
    job = wait_for(lambda: [job for job in plant.jobs() if plant.state(job) == "rendering"])[0]
    plant.house.valkey.kill()
    assert command.wait(60) == 0, command.log()
    plant.house.valkey.start()
    parts, rows = undisturbed(plant)
    assert (sheet_parts(target), data_rows(target)) == (parts, rows)
    require_right(plant, job)


def test_an_emptied_valkey_loses_no_export(plant: Plant) -> None:
    plant.hire(2)
    job = in_the_middle(plant)
    for _ in range(3):
        plant.house.redis().flushall()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)


def test_an_export_whose_wake_ups_were_lost_is_woken(plant: Plant) -> None:
    plant.hire(0)
    job = plant.ask()
    plant.house.redis().flushall()
    plant.hire(2)
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)


@pytest.mark.parametrize("blow", ["connections are cut", "the server crashes"])
def test_workers_go_on_when(plant: Plant, servers: Services, blow: str) -> None:
    def strike() -> None:
        if blow == "connections are cut":
            plant.house.rows(TERMINATE)
        else:
            servers.postgres.restart("immediate")
            # This process's own connection to the same server is lost as well.
            connections.close_all()

    plant.hire(2)
    job = plant.ask()
    wait_for(lambda: plant.count(job, "extracted") >= 2)
    strike()
    wait_for(lambda: plant.count(job, "rendered") >= 2)
    strike()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
