"""Streams over real connections: bytes come early, a break is seen, a client that leaves too."""

from __future__ import annotations

import gc
import io
import logging
import zipfile
from typing import Any

import httpx
import pytest
from django.contrib import admin
from django.db import DataError, connection
from django.db.models import BooleanField, F, Func

from exportapp.jobs.feed import Room
from exportapp.tables import readers, scan
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.api.servers import SERVERS, client_of
from tests.house import wait_for
from tests.services import ON_SQLITE

# Django's ASGI handler leaves the body of a request open whose response breaks.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STREAM = "/api/exports/stream/"
QUERY = {"source": "shop.Order", "order": "id", "columns": ["number", "note"]}


@pytest.fixture(params=list(SERVERS))
def browser(request, transactional_db, person, monkeypatch, settings):
    """A client of the site under each kind of server, with ranges of some ten rows."""
    settings.EXPORTAPP_BATCH_ROWS = 7
    monkeypatch.setattr(scan, "RANGE_BYTES", 2_000)
    seed_shop(60, seed=1)
    with SERVERS[request.param]() as url, client_of(person("ann"), url) as client:
        client.kind = request.param
        yield client
    gc.collect()


class Sleeping(Func):
    """True; of rows behind a key PostgreSQL finds that out in its sleep."""

    template = "(CASE WHEN %(expressions)s > %(last)s THEN pg_sleep(30) END) IS NULL"
    output_field = BooleanField()


def fall_asleep(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """From now on the database has these first orders at hand, and sleeps over each other one."""
    last = Order.objects.order_by("pk").values_list("pk", flat=True)[rows - 1]
    model_admin = type(admin.site.get_model_admin(Order))
    all_of_them = model_admin.get_queryset

    def queryset(self: Any, request: Any) -> Any:
        found = all_of_them(self, request).alias(slept=Sleeping(F("pk"), last=last))
        return found.filter(slept__isnull=False)

    monkeypatch.setattr(model_admin, "get_queryset", queryset)
    monkeypatch.setattr(readers, "SAMPLE_ROWS", 10)
    monkeypatch.setattr(Room, "for_rows", lambda keysets, viewer: Room(10**6))


def test_the_whole_file_comes_in_pieces(browser):
    with browser.stream("GET", STREAM, params=QUERY) as response:
        assert response.status_code == 200
        assert "content-length" not in response.headers
        assert response.headers["x-accel-buffering"] == "no"
        pieces = list(response.iter_raw())
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as package:
        assert package.testzip() is None
    assert len(pieces) > 2


def test_an_error_in_the_middle_is_seen_by_the_client(browser, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "exportapp")
    chunks, calls = scan._chunks, list[int]()

    def failing(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise DataError("the third range cannot be read")
        return chunks(*args)

    monkeypatch.setattr(scan, "_chunks", failing)
    got = b""
    try:
        with browser.stream("GET", STREAM, params=QUERY) as response:
            for piece in response.iter_raw():
                got += piece
    except httpx.RemoteProtocolError as error:
        assert "incomplete" in str(error)
    else:
        # A response that ends with its connection has no other end to miss.
        assert browser.kind == "wsgi"
    assert got.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(io.BytesIO(got))
    (line,) = [r.msg for r in caplog.records if isinstance(r.msg, dict) and r.msg.get("stream")]
    assert line["event"] == "stream_broken" and "third range" in line["error"]


@pytest.mark.skipif(ON_SQLITE, reason="asks the server of PostgreSQL what it does")
@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_a_client_that_hangs_up_ends_the_query(
    browser, monkeypatch, settings, servers, caplog, reader
):
    caplog.set_level(logging.INFO, "exportapp")
    settings.EXPORTAPP_READER = reader
    fall_asleep(monkeypatch, 30)
    name = connection.settings_dict["NAME"]

    def busy() -> list[Any]:
        with servers.postgres.connect("postgres") as other:
            asked = (
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND state = 'active' "
                "AND wait_event = 'PgSleep'"
            )
            return other.execute(asked, [name]).fetchall()

    with browser.stream("GET", STREAM, params=QUERY) as response:
        pieces = response.iter_raw()
        assert next(pieces).startswith(b"PK\x03\x04")
        wait_for(busy, 10, what="the database sleeps over a row")

    wait_for(lambda: not busy(), timeout=5, what="the query is ended")
    lines = wait_for(lambda: [r.msg for r in caplog.records if r.msg.get("stream")])
    assert [line["event"] for line in lines] == ["stream_left"]
