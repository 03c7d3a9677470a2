"""The tests' own installation: if this is wrong, no end-to-end test says anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psycopg
import pytest
from psycopg import OperationalError

from tests.house import House, wait_for
from tests.services import Postgres, Services


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_house_has_a_seeded_database_of_its_own(
    build_house: Callable[..., House], database: str
) -> None:
    one, two = (build_house(orders=25, database=database) for _ in range(2))
    one.rows("DELETE FROM shop_orderline")

    assert one.rows("SELECT count(*) FROM shop_order") == [(25,)]
    assert one.rows("SELECT count(*) FROM shop_orderline WHERE quantity > %s", [0]) == [(0,)]
    assert two.rows("SELECT count(*) > 25 FROM shop_orderline")[0][0]


def test_commands_of_a_house_see_its_database(build_house: Callable[..., House]) -> None:
    house = build_house(orders=25)

    done = house.manage("seed_shop", "--orders=30")

    assert done.returncode == 0, done.stderr
    assert house.rows("SELECT count(*) FROM shop_order") == [(30,)]


def test_a_house_has_a_valkey_of_its_own(house: House, servers: Services) -> None:
    with house.redis() as client:
        client.set("mine", "1")
        house.valkey.stop()
        house.valkey.start()

        assert client.get("mine") == b"1"
    assert house.valkey.port != servers.valkey.port


def test_a_worker_listens_and_goes_when_asked(house: House) -> None:
    worker = house.start_worker()
    with house.redis() as client:
        assert client.scard("rq:workers:exports") == 1
    worker.terminate()

    assert worker.wait() == 0


def test_nothing_of_a_house_survives_it(build_house: Callable[..., House]) -> None:
    house = build_house()
    killed, frozen = house.start_worker(), house.start_worker()
    deaf = "import subprocess; subprocess.run(['sh', '-c', 'trap \"\" TERM; sleep 60; true'])"
    orphan = house.start("shell", "-c", deaf)
    sleeper = wait_for(lambda: orphan.horses[1:], what="a process of a process")[0]
    orphan.kill()
    killed.kill()
    os.kill(frozen.pid, signal.SIGSTOP)
    assert sleeper in [process.pid for process in house.processes()]

    house.end()

    assert not frozen.alive
    assert house.processes() == []


def test_waiting_gives_up_with_a_reason() -> None:
    with pytest.raises(AssertionError, match="Not within 0.1 s: the impossible. Last value: None"):
        wait_for(lambda: None, 0.1, what="the impossible")


def test_a_postgres_of_ones_own_comes_back_after_a_crash() -> None:
    postgres = Postgres()
    try:
        url = postgres.create("shop")
        with postgres.connect("shop") as connection:
            connection.execute("CREATE TABLE kept (n int)")
        postgres.restart("immediate")
        with postgres.connect("shop") as connection:
            connection.execute("TABLE kept")
        postgres.stop()
        with pytest.raises(OperationalError):
            psycopg.connect(url).close()
        postgres.start()
        with postgres.connect("shop") as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
    finally:
        postgres.end()
