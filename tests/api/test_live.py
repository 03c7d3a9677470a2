"""Server-sent events of an export: what happens comes once, in order, also after a break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exportapp.jobs import following, lifecycle, live
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from tests.api.conftest import ask, job_of, worked
from tests.api.servers import SERVERS, client_of


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    monkeypatch.setattr(live, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(following, "CALM_SECONDS", 0.01)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.05)
    settings.EXPORTAPP_SSE_SECONDS = 30


def parsed(frames: str) -> list[dict[str, Any]]:
    """The fields of each frame; data as JSON."""
    found = []
    for frame in frames.split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in frame.split("\n"))
        if "data" in lines:
            lines["data"] = json.loads(lines["data"])
        found.append(lines)
    return found


def told(client: Any, export: Any, last: str = "") -> Any:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    return client.get(f"{export['links']['self']}events/stream/", headers=headers)


def events_of(response: Any) -> list[dict[str, Any]]:
    return parsed(b"".join(response.streaming_content).decode())


def test_the_whole_journal_then_the_end(shop, api):
    export = worked(api, ask(api))
    response = told(api, export)
    frames = events_of(response)
    journal = [event.pk for event in job_of(export).events.all()]

    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Accel-Buffering"] == "no"
    assert 1000 <= int(frames[0]["retry"]) <= 3000
    assert [int(f["id"]) for f in frames if f.get("event") == "event"] == journal
    assert (frames[-1]["event"], frames[-1]["id"]) == ("end", f"{journal[-1]}-end")
    assert frames[-1]["data"]["state"] == "succeeded"
    assert frames[-1]["data"]["progress"]["percent"] == 100


def test_who_comes_back_gets_what_was_missed_and_nothing_else(shop, api):
    export = worked(api, ask(api))
    journal = [event.pk for event in job_of(export).events.all()]

    for number in range(len(journal)):
        frames = events_of(told(api, export, str(journal[number])))
        missed = [int(frame["id"]) for frame in frames if frame.get("event") == "event"]
        assert missed == journal[number + 1 :]
        assert frames[-1]["event"] == "end"
    assert told(api, export, f"{journal[-1]}-end").status_code == 204
    record(job_of(export), Happened.DOWNLOADED, "orders.xlsx")
    again = events_of(told(api, export, f"{journal[-1]}-end"))
    assert [frame.get("event") for frame in again] == [None, "event", "progress", "end"]
    assert len(events_of(told(api, export, "no id of ours"))) == len(journal) + 4


def test_an_export_of_somebody_else_is_not_there(shop, api, person, sign_in):
    export = ask(api)

    assert told(sign_in(person("bob")), export).status_code == 404


def test_the_head_tells_nothing(shop, api):
    response = api.head(f"{ask(api)['links']['self']}events/stream/")

    assert response.status_code == 200 and b"".join(response.streaming_content) == b""


def test_a_connection_ends_after_its_time_and_is_kept_alive_until_then(
    shop, api, settings, monkeypatch
):
    settings.EXPORTAPP_SSE_SECONDS = 1.5
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    response = told(api, ask(api))
    frames = b"".join(response.streaming_content).decode()

    assert frames.count(": nothing new\n\n") > 1
    assert "event: end" not in frames


@pytest.mark.parametrize("kind", list(SERVERS))
def test_a_browser_hears_of_it_while_it_happens_also_when_redis_goes(
    shop, person, kind, servers, monkeypatch
):
    with SERVERS[kind]() as url, client_of(person("ann"), url) as client:
        export = client.post("/api/exports/", json={"source": "shop.Order"}).json()
        job = ExportJob.objects.get(pk=export["id"])
        address = f"/api/exports/{job.pk}/events/stream/"
        with client.stream("GET", address, headers={"Accept": "text/event-stream"}) as response:
            assert response.status_code == 200
            pieces = response.iter_text()
            seen = ""
            while '"queued"' not in seen:
                seen += next(pieces)
            lifecycle.pause(job)
            while '"paused"' not in seen:
                seen += next(pieces)
            servers.valkey.stop()
            try:
                lifecycle.resume(job, queue=False)
                while '"state": "queued"' not in seen.partition('"paused"')[2]:
                    seen += next(pieces)
                work(job.pk)
                for piece in pieces:
                    seen += piece
            finally:
                servers.valkey.start()
    frames = parsed(seen)
    numbers = [int(f["id"]) for f in frames if f.get("event") == "event"]
    journal = [event.pk for event in job.events.all()]
    # What is cleaned up after the end may come too late to be told of.
    assert numbers == journal[: len(numbers)] and len(journal) - len(numbers) <= 1
    assert frames[-1]["event"] == "end" and frames[-1]["data"]["state"] == "succeeded"
