"""Real workers read a table that somebody else rewrites all the time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest

from exportapp.states import JobState
from tests.faults.held import holders, let_run_out
from tests.faults.ledger import illegal, read_ledger
from tests.faults.plant import ORDERED, Plant
from tests.faults.processes import kill
from tests.house import wait_for
from tests.oracle import data_rows

NOTE: Final = 10
"""The column that says which transaction wrote the row."""

History = dict[str, list[str]]
"""By transaction: the numbers of all orders after it, in the order of the list."""

COLUMNS = "customer_id, status, amount, currency, paid_at, created_at, reference, ledger_no, gift"


@pytest.fixture(scope="module")
def plant(build_plant: Callable[..., Plant]) -> Plant:
    plant = build_plant(
        orders=300,
        EXPORTAPP_BATCH_ROWS=5,
        EXPORTAPP_CONSISTENCY="snapshot",
    )
    plant.watch()
    return plant


def rewrite(connection: psycopg.Connection[Any], turn: int) -> list[str]:
    """Change every row in one transaction, add one and delete one; the numbers afterwards."""
    with connection.transaction():
        connection.execute("UPDATE shop_order SET note = %s, amount = amount + 1", [str(turn)])
        connection.execute(
            f"INSERT INTO shop_order (number, note, {COLUMNS})"
            f" SELECT left(gen_random_uuid()::text, 18), note, {COLUMNS} FROM shop_order"
            " ORDER BY random() LIMIT 1"
        )
        any_row = "SELECT id FROM shop_order ORDER BY random() LIMIT 1"
        connection.execute(f"DELETE FROM shop_order WHERE id IN ({any_row})")
        return [number for (number,) in connection.execute(ORDERED).fetchall()]


@contextmanager
def rewritten(plant: Plant) -> Iterator[History]:
    history: History = {}
    enough = threading.Event()

    def go_on() -> None:
        with psycopg.connect(plant.house.database_url, autocommit=True) as connection:
            while not enough.is_set():
                turn = len(history) + 1
                history[str(turn)] = rewrite(connection, turn)
                # The workers need the processor too.
                enough.wait(0.02)

    plant.house.rows("DELETE FROM shop_orderline")
    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        wait_for(lambda: history, what="it is rewritten")
        yield history
    finally:
        enough.set()
        writer.join()


def require_one_moment(plant: Plant, job: str, history: History) -> None:
    assert plant.state(job) == JobState.SUCCEEDED, plant.error(job)
    rows = data_rows(plant.file(job))
    notes = {row[NOTE] for row in rows}
    assert len(notes) == 1, notes
    assert [row[0] for row in rows] == history[notes.pop()]
    assert illegal(read_ledger(plant.house.rows)) == []
    assert holders(plant) == set()
    assert list(plant.folder(job).iterdir()) == [plant.file(job)]
    held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    sql = f"{held} AND state LIKE 'idle in transaction%%'"
    wait_for(lambda: plant.house.rows(sql) == [(0,)], what="nobody holds a snapshot")


def holder(plant: Plant, job: str) -> int:
    """The process that holds the snapshot while shards are extracted."""
    sql = "SELECT worker FROM exportapp_exportjob WHERE id = %s AND snapshot_id <> ''"
    ((worker,),) = plant.house.rows(sql, [job])
    return int(worker.split("/")[-2])


def test_two_workers_make_a_file_of_one_moment(plant: Plant) -> None:
    plant.hire(2)
    with rewritten(plant) as history:
        job = plant.ask()
        assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_one_moment(plant, job, history)
    assert len({name for name, *_ in plant.events(job, "extracted")}) == 2
    assert plant.events(job, "started_over") == []


def test_live_rows_are_of_many_moments(plant: Plant) -> None:
    plant.hire(2)
    args = ("export_excel", "shop.Order", "--consistency", "live", "--queue")
    with rewritten(plant):
        job = plant.manage(*args).stdout.strip()
        assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    assert len({row[NOTE] for row in data_rows(plant.file(job))}) > 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda n: n.name)
def test_reading_starts_over_when_the_holder_is_hit_by(
    plant: Plant, number: signal.Signals
) -> None:
    plant.hire(1)
    with rewritten(plant) as history:
        # Of one worker it is the one that holds the snapshot who reads in it.
        plant.arm("extracting_a_batch", 25, number)
        job = plant.ask()
        victim = plant.wait_for_victim()
        assert number == signal.SIGKILL or holder(plant, job) == victim
        let_run_out(plant, victim)
        plant.hire(3)
        wait_for(lambda: plant.events(job, "started_over"), what="it starts over")
        kill(victim, signal.SIGCONT)
        assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_one_moment(plant, job, history)
    plant.disarm()
    ((_, _, said, _),) = plant.events(job, "started_over")
    assert "all read again, at one new moment" in said
