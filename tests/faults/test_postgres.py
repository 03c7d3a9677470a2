"""PostgreSQL that is away, full of connections, or makes transactions fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connections

from tests.faults.extent import outage
from tests.faults.plant import Plant
from tests.faults.proof import require_right
from tests.faults.test_servers import TERMINATE
from tests.house import wait_for
from tests.services import Services

BuildPlant = Callable[..., Plant]

SHARED = "pg_read_all_data, pg_write_all_data"


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    # Longer outages, shorter: each is several leases, and several turns of the breaker, long.
    plant = build_plant(
        orders=300,
        EXPORTAPP_BATCH_ROWS=2,
        EXPORTAPP_LEASE_SECONDS=2,
        EXPORTAPP_BREAKER_SECONDS=1,
    )
    plant.watch()
    return plant


@contextmanager
def connected(plant: Plant) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else in the database of the plant."""
    with psycopg.connect(plant.house.database_url) as connection:
        yield connection


@contextmanager
def configured(plant: Plant, setting: str) -> Iterator[None]:
    """Have new sessions in the plant's database begin with `setting`."""
    name = urlsplit(plant.house.database_url).path[1:]
    plant.house.rows(f'ALTER DATABASE "{name}" SET {setting}')
    plant.house.rows(TERMINATE)
    try:
        yield
    finally:
        plant.house.rows(f'ALTER DATABASE "{name}" RESET ALL')
        plant.house.rows(TERMINATE)


def test_an_export_outlives_a_database_that_is_away_for_longer_than_its_lease(
    plant: Plant, servers: Services
) -> None:
    workers = plant.hire(2)
    job = plant.ask()
    wait_for(lambda: plant.count(job, "rendered") >= 2)
    servers.postgres.stop("immediate")
    connections.close_all()
    threading.Event().wait(outage(4))  # the fault itself: two leases
    servers.postgres.start()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    assert all(worker.alive for worker in workers)


def test_an_export_is_right_where_transactions_fail_to_serialize(plant: Plant) -> None:
    plant.hire(2)
    with configured(plant, "default_transaction_isolation = 'serializable'"):
        # Two workers collide as chance has it: not in every export.
        for _ in range(6):
            job = plant.ask()
            assert plant.wait_until_ended(job) == "succeeded"
            require_right(plant, job)
            if "could not serialize access" in told(plant, job):
                return
    pytest.fail("No transaction failed: nothing is shown.")


def told(plant: Plant, job: str) -> str:
    """What workers said about errors: of pieces in events, between them in their logs."""
    said = [message for _, _, message, _ in plant.events(job, "retried")]
    return "\n".join([*said, *(worker.log() for worker in plant.workers)])


def test_a_deadlock_costs_a_worker_nothing_but_time(plant: Plant) -> None:
    plant.hire(2)
    job = plant.ask()
    wait_for(lambda: plant.count(job, "extracted") >= 1)
    with connected(plant) as rival:
        # Whoever waits this long looks for a deadlock, and is the one who gives way.
        rival.execute("SET deadlock_timeout = '1min'")
        shard = "SELECT id FROM exportapp_exportshard WHERE job_id = %s AND status = %s"
        rival.execute(f"{shard} ORDER BY number LIMIT 1 FOR UPDATE", [job, "extracted"])
        # The layout moves the job, then every shard: here it waits, with the job's row in hand.
        wait_for(lambda: waiting(plant), what="a worker waits for the shard")
        rival.execute("SELECT id FROM exportapp_exportjob WHERE id = %s FOR UPDATE", [job])
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    assert "deadlock detected" in told(plant, job)


def waiting(plant: Plant) -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return bool(plant.house.rows(f"{sql} AND datname = current_database()")[0][0])


@pytest.fixture
def limited(plant: Plant) -> Iterator[str]:
    """The database as somebody who may have only so many connections."""
    name = f"limited_{urlsplit(plant.house.database_url).path[1:]}"
    plant.house.rows(f'CREATE ROLE "{name}" LOGIN IN ROLE {SHARED}')
    yield name
    plant.hire(0)
    plant.house.rows(f'DROP ROLE "{name}"')


def test_an_export_goes_on_when_there_are_too_many_connections(plant: Plant, limited: str) -> None:
    plant.hire(0)
    plant.env["DATABASE_URL"] = plant.house.database_url.replace("postgres@", f"{limited}@")
    try:
        workers = plant.hire(2)
    finally:
        del plant.env["DATABASE_URL"]
    job = plant.ask()
    wait_for(lambda: plant.count(job, "rendered") >= 2)
    plant.house.rows(f'ALTER ROLE "{limited}" CONNECTION LIMIT 0')
    plant.house.rows(TERMINATE)
    url = plant.house.database_url.replace("postgres@", f"{limited}@")
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        psycopg.connect(url)
    threading.Event().wait(2)  # the fault itself
    assert plant.state(job) == "rendering"
    plant.house.rows(f'ALTER ROLE "{limited}" CONNECTION LIMIT -1')
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    assert all(worker.alive for worker in workers)


def test_an_export_needs_no_more_connections_than_it_has_workers(
    plant: Plant, limited: str
) -> None:
    plant.house.rows(f'ALTER ROLE "{limited}" CONNECTION LIMIT 2')
    plant.hire(0)
    plant.env["DATABASE_URL"] = plant.house.database_url.replace("postgres@", f"{limited}@")
    try:
        plant.hire(2)
    finally:
        del plant.env["DATABASE_URL"]
    job = plant.ask()
    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    sql = "SELECT data->>'why' FROM exportapp_exportevent WHERE job_id = %s AND kind = %s"
    reasons = [why for (why,) in plant.house.rows(sql, [job, "extracted"])]
    assert any(why and "no second connection" in why for why in reasons), reasons
