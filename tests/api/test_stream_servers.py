"""Streams over real connections: bytes come early, a break is seen, a client that leaves too."""

from __future__ import annotations

import gc
import io
import logging
import zipfile
from typing import Any

import httpx
import pytest
from django.db import DataError

from exportapp.tables import scan
from project.shop.loading import seed_shop
from tests.api.servers import SERVERS, client_of

# Django's ASGI handler leaves the body of a request open whose response breaks.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STREAM = "/api/exports/stream/"
QUERY = {"source": "shop.Order", "order": "id", "columns": ["number", "note"]}


@pytest.fixture(params=list(SERVERS))
def browser(request, transactional_db, person, monkeypatch, settings, caplog):
    """A client of the site under each kind of server, with ranges of some ten rows."""
    settings.EXPORTAPP_BATCH_ROWS = 7
    monkeypatch.setattr(scan, "RANGE_BYTES", 2_000)
    seed_shop(60, seed=1)
    with SERVERS[request.param]() as url, client_of(person("ann"), url) as client:
        client.kind = request.param
        yield client
    # What was logged of an error holds what is left open.
    caplog.get_records("call").clear()
    gc.collect()


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
