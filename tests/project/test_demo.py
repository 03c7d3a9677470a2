from __future__ import annotations

import os
import signal
from pathlib import Path

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from redis import Redis

from project.demo import children
from project.demo.show import start_valkey
from project.demo.valkey import ServerNotStarted, Valkey, free_port, server_pid
from project.environment import RedisServer
from tests.house import House, wait_for


def test_a_valkey_keeps_its_data_when_it_is_killed(tmp_path: Path) -> None:
    with Valkey(tmp_path, free_port()) as valkey, Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
        client.waitaof(1, 0, 5000)
        valkey.kill()
        assert server_pid(valkey.url) is None
        valkey.start()

        assert client.get("kept") == b"yes"


def test_a_valkey_is_gone_after_its_block(tmp_path: Path) -> None:
    with Valkey(tmp_path, free_port()) as valkey:
        assert server_pid(valkey.url) == valkey.pid

    assert server_pid(valkey.url) is None


def test_a_port_in_use_is_said_with_the_servers_own_words(tmp_path: Path) -> None:
    with (
        Valkey(tmp_path / "first", free_port()) as first,
        pytest.raises(ServerNotStarted, match="in use"),
    ):
        Valkey(tmp_path / "second", first.port).start()


def test_a_child_ends_when_its_block_is_left_by_an_error() -> None:
    with (
        pytest.raises(RuntimeError),
        children.manage("shell", "-c", "import time; time.sleep(60)") as child,
    ):
        assert child.poll() is None
        raise RuntimeError

    assert child.returncode is not None


def test_a_child_that_will_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", 0.2)
    log = tmp_path / "child.log"
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    with children.manage("shell", "-c", stubborn, log=log) as child:
        wait_for(lambda: "deaf" in log.read_text(), what="the child is deaf")

    assert child.returncode == -signal.SIGKILL


def test_the_demo_refuses_to_make_its_user_outside_development(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="DEBUG=1 only"):
        call_command("demo", folder=tmp_path)


def test_a_redis_elsewhere_is_not_ours_to_start(tmp_path: Path) -> None:
    from contextlib import ExitStack

    server = RedisServer(url="redis://redis.invalid:6379/0")
    with (
        override_settings(REDIS=server, RQ_QUEUES={"exports": server.queue(retries=0)}),
        ExitStack() as stack,
        pytest.raises(CommandError, match="No Redis answers at redis.invalid:6379"),
    ):
        start_valkey(stack, tmp_path, print)


def test_the_demo_exports_by_its_workers_and_leaves_nothing_running(house: House) -> None:
    port = free_port()
    # What it leaves running is counted: nothing else of the house may be.
    house.warm = False
    demo = house.manage(
        "demo",
        "--rows=300",
        "--no-serve",
        f"--folder={house.folder}",
        DEBUG="1",
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "rows/s" in demo.stdout
    sheet = openpyxl.load_workbook(house.folder / "orders.xlsx").worksheets[0]
    assert sheet.max_row == 301
    assert server_pid(f"redis://127.0.0.1:{port}/0") is None
    assert house.processes() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ending_the_demo_ends_all_it_started(house: House, how: signal.Signals) -> None:
    demo = house.start_fresh(
        "demo",
        "--rows=20",
        f"--address=127.0.0.1:{free_port()}",
        f"--folder={house.folder}",
        DEBUG="1",
    )
    wait_for(lambda: "Ctrl-C ends it" in demo.log() or not demo.alive, 60, what="the demo serves")
    assert demo.alive, demo.log()
    assert len(house.processes()) >= 5
    os.kill(demo.pid, how)

    assert demo.wait() == (0 if how == signal.SIGINT else 128 + how)
    assert house.processes() == []
