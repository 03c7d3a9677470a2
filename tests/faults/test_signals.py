"""What an operating system does to workers: kills, polite ends, and processes that freeze."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.faults.held import holders, let_run_out
from tests.faults.plant import Plant
from tests.faults.points import FORKS, Whom
from tests.faults.processes import is_alive, kill
from tests.faults.proof import require_right
from tests.house import wait_for

BuildPlant = Callable[..., Plant]
RENDER = "rendering_a_batch"


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    # Long shards, so that a worker is in the middle of one when it is hit.
    plant = build_plant(
        orders=300,
        EXPORTAPP_SHARD_ROWS=100,
        EXPORTAPP_BATCH_ROWS=4,
    )
    # A process that freezes inside a transaction keeps its locks until the server ends it.
    plant.env["PGOPTIONS"] = "-c idle_in_transaction_session_timeout=2s"
    plant.watch()
    return plant


@pytest.fixture(scope="module")
def unwatched(build_plant: BuildPlant) -> Plant:
    """No cron, and one wake-up for one worker: nobody else makes up for it."""
    return build_plant(orders=300, EXPORTAPP_BATCH_ROWS=2, EXPORTAPP_PARALLELISM=1)


@pytest.fixture(autouse=True)
def _no_faults_left(plant: Plant, unwatched: Plant) -> Iterator[None]:
    yield
    plant.disarm()
    unwatched.disarm()


HIT: dict[str, Whom] = {"horse": "self", "parent": "parent", "both": "both"}


def strike(plant: Plant, number: signal.Signals, hit: str) -> tuple[str, int]:
    """An export, and the work-horse in the middle of whose batch the signal came."""
    plant.arm(RENDER, 3, number, HIT[hit])
    job = plant.ask()
    return job, plant.wait_for_victim()


@pytest.mark.parametrize("hit", HIT)
def test_an_export_survives_the_kill_of(plant: Plant, hit: str) -> None:
    plant.hire(2)
    job, horse = strike(plant, signal.SIGKILL, hit)
    wait_for(lambda: not is_alive(horse), what="the work-horse does not outlive its parent")
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    handed_back = any(f"/{horse}/" in name for name, *_ in plant.events(job, "released"))
    assert handed_back == (hit == "parent")


@pytest.mark.parametrize("hit", ["parent", "both"])  # both: as systemd does to a control group
def test_a_worker_that_is_asked_to_go_hands_its_lease_back_within_two_seconds(
    plant: Plant, hit: str
) -> None:
    (worker,) = plant.hire(1)
    job, horse = strike(plant, signal.SIGTERM, hit)

    wait_for(lambda: horse not in holders(plant), timeout=2, what="the lease is handed back")
    assert worker.wait() == 0
    assert plant.state(job) == "rendering"
    ((name, shard, *_),) = plant.events(job, "released")
    assert f"/{horse}/" in name
    counted = "SELECT attempts, lost_leases FROM exportapp_exportshard WHERE number = %s"
    assert plant.house.rows(f"{counted} AND job_id = %s", [shard, job]) == [(0, 0)]
    plant.hire(1)
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)


def test_a_worker_that_goes_leaves_a_wake_up_for_the_next(unwatched: Plant) -> None:
    (worker,) = unwatched.hire(1)
    job = unwatched.ask_at_once()
    wait_for(lambda: unwatched.state(job) == "rendering")
    worker.terminate()
    worker.wait()
    assert unwatched.state(job) == "rendering"

    unwatched.hire(1)

    assert unwatched.wait_until_ended(job) == "succeeded", "nobody but the next worker came"
    require_right(unwatched, job)


@pytest.mark.parametrize("point", FORKS)
def test_a_work_horse_hears_that_it_is_to_go(unwatched: Plant, point: str) -> None:
    (worker,) = unwatched.hire(1)
    unwatched.arm(point, 1, signal.SIGTERM)

    job = unwatched.ask_at_once()

    victim = unwatched.wait_for_victim()
    if point == "forked_horse":
        # Its parent was not asked, and works off the wake-up that this one leaves.
        assert unwatched.wait_until_ended(job) == "succeeded"
        workers = {name for name, *_ in unwatched.events(job, "extracted")}
        assert workers and not any(f"/{victim}/" in name for name in workers)
    else:
        assert worker.wait() == 0
        assert unwatched.state(job) == "queued", "no slice of 300 seconds was worked off first"
    unwatched.hire(1)
    assert unwatched.wait_until_ended(job) == "succeeded"
    require_right(unwatched, job)


def test_an_impatient_end_of_a_frozen_work_horse_loses_nothing(plant: Plant) -> None:
    (worker,) = plant.hire(1)
    job, horse = strike(plant, signal.SIGSTOP, "horse")

    # The second signal counts only a second after the first: keep asking, as people do.
    wait_for(lambda: worker.terminate() or not worker.alive, what="it gives up")

    wait_for(lambda: not is_alive(horse))
    plant.hire(1)
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)


FROZEN = {
    "between_plan_inserts": 3,
    "extracting_a_batch": 3,
    "after_rename": 1,
    "rendering_a_batch": 3,
    "in_merge": 2,
    "after_final_rename": 1,
}


@pytest.mark.parametrize("point", FROZEN)
def test_a_worker_that_was_frozen_past_its_lease_is_refused(plant: Plant, point: str) -> None:
    plant.hire(2)
    plant.arm(point, FROZEN[point], signal.SIGSTOP)
    job = plant.ask()
    frozen = plant.wait_for_victim()
    let_run_out(plant, frozen)

    assert plant.wait_until_ended(job) == "succeeded", "another worker finished it"

    recovered = [event for event in plant.events(job, "recovered") if f"/{frozen}/" in event[2]]
    # None when another worker was quicker than the cron.
    assert len(recovered) <= 1
    before = plant.file(job).stat()
    kill(frozen, signal.SIGCONT)
    wait_for(lambda: not is_alive(frozen), what="the stale worker ends")
    refused = [event for event in plant.events(job, "refused") if f"/{frozen}/" in event[0]]
    assert len(refused) == 1
    after = require_right(plant, job).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_worker_that_freezes_in_a_transaction_does_not_keep_the_others_waiting(
    plant: Plant,
) -> None:
    plant.hire(2)
    plant.arm("in_layout_move", 1, signal.SIGSTOP)
    job = plant.ask()
    frozen = plant.wait_for_victim()
    assert plant.wait_until_ended(job) == "succeeded"
    kill(frozen, signal.SIGCONT)
    wait_for(lambda: not is_alive(frozen), what="it ends")
    require_right(plant, job)
