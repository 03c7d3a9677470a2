"""Live connections are bounded: of a person, of a process, in their rate and in what they cost."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from exportapp.jobs import following, places
from exportapp.jobs.away import OF_ANCHORS
from tests.api.conftest import ask
from tests.api.servers import asgi_server, client_of
from tests.house import wait_for


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch):
    """Whatever another test of this process has left open."""
    monkeypatch.setattr(places, "_here", {})


def listen(client, export):
    return client.get(f"{export['links']['self']}events/stream/")


def test_a_person_has_so_many_and_a_process_so_many(shop, api, person, sign_in, settings):
    settings.EXPORTAPP_SSE_PER_PERSON, settings.EXPORTAPP_SSE_PER_PROCESS = 2, 3
    export, root = ask(api), sign_in(person("root", is_superuser=True))
    first, second = listen(api, export), listen(api, export)
    refused = listen(api, export)

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused["Retry-After"] == "30" and "2 live connections" in refused.json()["detail"]
    other = listen(root, export)
    assert [r.status_code for r in (first, second, other)] == [200] * 3
    full = listen(root, export)
    assert full.status_code == 429 and "This server has 3" in full.json()["detail"]

    first.close()
    first.close()
    next(second.streaming_content)
    second.close()
    again = [listen(api, export), listen(api, export)]
    assert [r.status_code for r in again] == [200, 200]
    again[0].close()
    OF_ANCHORS.begin()
    third = listen(api, export)
    assert third.status_code == 200, "a person's are not counted while Redis is away"
    for response in (other, again[1], third):
        response.close()


def test_they_have_a_rate(shop, api, settings):
    settings.EXPORTAPP_API_RATES = {"live": "1/min"}
    export = ask(api)
    listen(api, export).close()
    refused = listen(api, export)

    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert int(refused["Retry-After"]) > 0


def test_under_asgi_none_holds_a_thread_and_all_hear_of_what_happens(
    shop, person, settings, monkeypatch
):
    settings.EXPORTAPP_SSE_PER_PERSON = None
    many = 12
    with asgi_server() as url, client_of(person("ann"), url) as client, ExitStack() as open_ones:
        export = client.post("/api/exports/", json={"source": "shop.Order"}).json()
        address = f"{export['links']['self']}events/stream/"
        before = {thread.ident for thread in threading.enumerate()}
        pieces = []
        for _ in range(many):
            response = open_ones.enter_context(client.stream("GET", address))
            pieces.append(response.iter_text())
        for each in pieces:
            heard = ""
            while '"queued"' not in heard:
                heard += next(each)

        def more() -> list[str]:
            return [t.name for t in threading.enumerate() if t.ident not in before]

        most = following.LOOKERS._max_workers + 1
        wait_for(lambda: len(more()) <= most, what="threads are given back")
        heard_by = [t.name for t in threading.enumerate() if t.name == "exportapp-commits"]
        assert len(heard_by) == 1 and most < many
        client.post(export["links"]["cancel"])
        for each in pieces:
            assert '"cancelled"' in "".join(each)
