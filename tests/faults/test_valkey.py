"""Valkey that answers late, cuts connections, is full, or comes back with less than it had."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.apps import AWAY
from tests.faults.extent import outage
from tests.faults.plant import Plant
from tests.faults.processes import kill, listening
from tests.faults.proof import require_right, undisturbed
from tests.faults.proxy import Proxy
from tests.house import wait_for

BuildPlant = Callable[..., Plant]

LEASE_SECONDS = 4
AWAY_SECONDS = 0.5
RENDER = "rendering_a_batch"


@pytest.fixture(scope="module")
def proxied(build_plant: BuildPlant) -> Iterator[tuple[Plant, Proxy]]:
    """Two workers and a cron who reach Valkey through a proxy; tests reach it directly."""
    plant = build_plant(
        orders=300,
        EXPORTAPP_SHARD_ROWS=25,
        EXPORTAPP_BATCH_ROWS=1,
        EXPORTAPP_LEASE_SECONDS=LEASE_SECONDS,
    )
    with Proxy(plant.house.valkey.port) as proxy:
        # An export takes seconds here: who comes back to Valkey does so within it.
        plant.env |= {"REDIS_URL": proxy.url, AWAY: str(AWAY_SECONDS)}
        plant.watch()
        yield plant, proxy
        plant.hire(0)


@pytest.fixture
def plant(proxied: tuple[Plant, Proxy]) -> Plant:
    proxied[0].hire(2)
    return proxied[0]


@pytest.fixture
def proxy(proxied: tuple[Plant, Proxy]) -> Iterator[Proxy]:
    yield proxied[1]
    proxied[1].let()


def in_the_middle(plant: Plant) -> str:
    """An export whose workers have rendered some of its shards and not the others."""
    job = plant.ask()
    wait_for(lambda: plant.count(job, "rendered") >= 2, what="two shards are rendered")
    assert plant.state(job) == "rendering"
    return job


def more_is_rendered(plant: Plant, job: str, shards: int = 1) -> None:
    wanted = plant.count(job, "rendered") + shards
    wait_for(lambda: plant.count(job, "rendered") >= wanted, what=f"{wanted} shards are rendered")


@contextmanager
def full(plant: Plant) -> Iterator[None]:
    """Every command that needs memory is refused: OOM."""
    valkey = plant.house.redis()
    valkey.config_set("maxmemory", 1)
    try:
        yield
    finally:
        valkey.config_set("maxmemory", 0)


def during(seconds: float) -> None:
    """Let the fault last: how long it lasts is what it is."""
    threading.Event().wait(max(seconds, 0))


def anchor(plant: Plant, job: str) -> dict[str, str]:
    found: dict[Any, Any] = plant.house.redis(1).hgetall(f"export:{job}:progress")
    return {name.decode(): value.decode() for name, value in found.items()}


def require_anchors(plant: Plant, job: str) -> None:
    """They say what the database knows, whatever they missed."""
    rows = len(undisturbed(plant)[1])
    shards = plant.house.rows(
        "SELECT count(*), sum(xlsx_size) FROM exportapp_exportshard WHERE job_id = %s", [job]
    )
    ((count, size),) = shards
    done = wait_for(lambda: (now := anchor(plant, job)).get("status") == "succeeded" and now)
    assert (
        done.items()
        >= {
            "rows_extracted": str(rows),
            "rows_rendered": str(rows),
            "current_chunk": str(count),
            "total_chunks": str(count),
            "bytes": str(size),
        }.items()
    )
    assert plant.house.redis(1).scard(f"export:{job}:done") == count


def test_an_export_ends_while_valkey_is_a_black_hole_for_leases_on_end(
    plant: Plant, proxy: Proxy
) -> None:
    # No need to come back within this export: nobody waits for an answer so often then.
    plant.hire(0)
    workers = [listening(plant.begin_worker(**{AWAY: "5"})) for _ in range(2)]
    job = in_the_middle(plant)
    proxy.hold()
    began = time.monotonic()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    during(began + outage(2 * LEASE_SECONDS) - time.monotonic())
    proxy.let()
    again = plant.ask()
    assert plant.wait_until_ended(again) == "succeeded"
    require_right(plant, again)
    require_anchors(plant, again)
    assert all(worker.alive for worker in workers)
    plant.hire(0)


def test_a_black_hole_shorter_than_a_lease_costs_nobody_the_lease(
    plant: Plant, proxy: Proxy
) -> None:
    job = in_the_middle(plant)
    proxy.hold()
    during(LEASE_SECONDS / 3)
    proxy.let()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    require_anchors(plant, job)
    assert plant.events(job, "recovered") == []


def test_connections_that_are_reset_again_and_again_cost_nothing(
    plant: Plant, proxy: Proxy
) -> None:
    workers = plant.workers
    job = plant.ask()
    for _ in range(5):
        more_is_rendered(plant, job)
        proxy.cut()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    require_anchors(plant, job)
    assert all(worker.alive for worker in workers)


def go_on_until(plant: Plant, worker: int, nth: int) -> None:
    """Let a worker that stands still render up to this batch, where it does so again."""
    plant.disarm()
    plant.arm(RENDER, nth, signal.SIGSTOP)
    kill(worker, signal.SIGCONT)
    assert plant.wait_for_victim() == worker


def test_exports_run_on_while_the_memory_of_valkey_is_full(plant: Plant) -> None:
    workers = plant.hire(1)
    job, worker = plant.freeze(RENDER, 60)
    with full(plant):
        go_on_until(plant, worker, 120)
        assert int(anchor(plant, job)["current_chunk"]) < plant.count(job, "rendered")
    during(AWAY_SECONDS)
    go_on_until(plant, worker, 180)
    assert plant.state(job) == "rendering", "there is more to do"
    assert int(anchor(plant, job)["current_chunk"]) == plant.count(job, "rendered")
    plant.disarm()
    with full(plant):
        kill(worker, signal.SIGCONT)
        assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    # RQ's worker writes at the end of each wake-up, and again when it waits for the next.
    wait_for(lambda: not any(worker.horses for worker in workers))
    assert all(worker.alive for worker in workers)


@pytest.mark.parametrize("disk", ["its log", "nothing"])
def test_a_valkey_that_is_killed_and_comes_back_at_once_with(plant: Plant, disk: str) -> None:
    valkey = plant.house.valkey
    plant.hire(1)
    job, worker = plant.freeze(RENDER, 60)
    valkey.kill()
    go_on_until(plant, worker, 120)
    if disk == "nothing":
        shutil.rmtree(valkey.folder / "appendonlydir")
    valkey.start()
    during(AWAY_SECONDS)
    plant.disarm()
    kill(worker, signal.SIGCONT)
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    require_anchors(plant, job)
