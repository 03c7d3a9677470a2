"""A client that hangs up ends what the database does for it, at whatever point that is."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from project.shop.loading import seed_shop
from tests.api.servers import SERVERS, client_of, gunicorn_server
from tests.api.sleepy import fall_asleep
from tests.house import wait_for
from tests.services import ON_SQLITE

pytestmark = [
    pytest.mark.skipif(ON_SQLITE, reason="asks the server of PostgreSQL what it does"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WHEN = {"counted": 30, "first": 0, "later": 30}
"""How many orders the database has at hand when it falls asleep: while it counts, before the first
row of an answer and behind some."""


@pytest.fixture
def ann(transactional_db, person, settings) -> Any:
    settings.EXPORTAPP_BATCH_ROWS = 7
    seed_shop(60, seed=1)
    return person("ann")


@pytest.fixture
def busy(servers, db) -> Any:
    """The statements that PostgreSQL sleeps over."""
    name = connection.settings_dict["NAME"]
    asked = (
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND state = 'active' "
        "AND wait_event = 'PgSleep'"
    )

    def found() -> list[Any]:
        with servers.postgres.connect("postgres") as other:
            return other.execute(asked, [name]).fetchall()

    return found


def ask(client: httpx.Client, order: str = "id") -> socket.socket:
    """The connection on which a stream was asked for."""
    query = {"source": "shop.Order", "order": order, "columns": ["number", "note"]}
    request = client.build_request("GET", "/api/exports/stream/", params=query)
    lines = [f"GET {request.url.raw_path.decode()} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    address = urlsplit(str(client.base_url))
    connection = socket.create_connection((address.hostname, address.port), 30)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def hang_up(client: httpx.Client, busy: Any, *, got: bytes, order: str = "id") -> None:
    with ask(client, order) as wire:
        seen = b""
        while got not in seen:
            seen += wire.recv(2**16)
        wait_for(busy, what="the database sleeps over a row")
    wait_for(lambda: not busy(), 40, what="the statement is ended, which sleeps for 60 seconds")


def told(records: list[logging.LogRecord]) -> list[dict[str, Any]]:
    """The lines about streams."""
    found = [record.msg for record in records]
    return [line for line in found if isinstance(line, dict) and "stream" in line]


@pytest.fixture(params=list(SERVERS))
def browser(request, ann, caplog) -> Iterator[httpx.Client]:
    with SERVERS[request.param]() as url, client_of(ann, url) as client:
        yield client
    # What was logged of an error holds what is left open.
    caplog.get_records("call").clear()
    gc.collect()


@pytest.mark.parametrize(
    ("when", "reader"),
    [("counted", "auto"), ("first", "auto"), ("first", "orm"), ("later", "auto"), ("later", "orm")],
)
def test_a_statement_ends_with_its_client(
    browser, monkeypatch, settings, busy, caplog, when, reader
):
    caplog.set_level(logging.INFO, "exportapp")
    settings.EXPORTAPP_READER = reader
    fall_asleep(WHEN[when], counted=when == "counted", put=monkeypatch.setattr)

    hang_up(browser, busy, got=b"PK\x03\x04" if when == "later" else b"")

    if when != "counted":
        lines = wait_for(lambda: told(caplog.records))
        assert [line["event"] for line in lines] == ["stream_left"]


def test_it_does_behind_gunicorn_with_threads(ann, busy):
    with (
        gunicorn_server("tests.api.sleepy", SLEEP_BEHIND="30") as url,
        client_of(ann, url) as client,
    ):
        hang_up(client, busy, got=b"PK\x03\x04")
        hang_up(client, busy, got=b"", order="-id")
