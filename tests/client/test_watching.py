"""An export is followed by server-sent events through a network that breaks, or by polls."""

from __future__ import annotations

from typing import Any

import pytest

from exportapp.client import ExportClient, ExportNotReady, Refused, WaitedTooLong
from exportapp.client.watching import Event, events
from exportapp.jobs import following, lifecycle, live
from exportapp.jobs.work import work
from exportapp.models import ExportJob


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(following, "CALM_SECONDS", 0.01)
    monkeypatch.setattr("exportapp.client.watching.LOOK_SECONDS", 0.05)


def requests_of(client: ExportClient) -> list[tuple[str, str]]:
    """The last part of each address that is asked, with its Last-Event-ID."""
    asked = list[tuple[str, str]]()

    def note(request: Any) -> None:
        name = "stream" if request.url.path.endswith("stream/") else "look"
        asked.append((name, request.headers.get("Last-Event-ID", "")))

    client._http.event_hooks["request"].append(note)
    return asked


def test_it_is_told_what_happens_and_comes_back_for_what_it_missed(reach: Any, site: Any) -> None:
    client = reach()
    export = client.create("shop.Order")
    asked, states = requests_of(client), list[str]()
    job = ExportJob.objects.get()
    for now in client.watch(export["id"], timeout=60):
        if now["state"] == "paused" and not site.broken:
            site.break_behind(100, times=2)
            lifecycle.resume(job)
            work(job.pk)
        elif not states:
            lifecycle.pause(job)
        states.append(now["state"])

    assert (states[0], states[-1], site.broken) == ("queued", "succeeded", 2)
    assert now == client.get(export["id"]) and now["links"]["download"]
    last = [number for name, number in asked if name == "stream"]
    assert len(last) >= 2 and last[0] == "" and int(last[-1]) > 0


@pytest.mark.parametrize("limit", ["places", "rate", "other"])
def test_where_there_is_no_place_for_it_it_polls(
    reach: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    client = reach()
    export = client.create("shop.Order")
    if limit == "places":
        settings.EXPORTAPP_SSE_PER_PROCESS = 1
        taken = client._http.stream("GET", f"exports/{export['id']}/events/stream/")
        monkeypatch.setattr(following, "LOOK_SECONDS", 30)
        taken.__enter__()
    elif limit == "rate":
        settings.EXPORTAPP_API_RATES = {"live": "1/h"}
        client._http.head(f"exports/{export['id']}/events/stream/")
    else:
        # As a server answers that has a page of its own there.
        monkeypatch.setattr("exportapp.client.watching.MEDIA_TYPE", "text/other")
    asked = requests_of(client)

    def on_progress(now: dict[str, Any]) -> None:
        if now["state"] == "queued":
            lifecycle.cancel(ExportJob.objects.get())

    with pytest.raises(ExportNotReady, match="Cancelled"):
        client.wait(export["id"], timeout=60, on_progress=on_progress)
    names = [name for name, _last in asked]
    assert names.count("stream") <= 1 and names.count("look") >= 2


def test_what_is_refused_and_what_takes_too_long_is_said(
    reach: Any, django_user_model: Any
) -> None:
    export = reach().create("shop.Order")
    with pytest.raises(Refused, match="404"):
        next(reach(django_user_model.objects.create_user("bob")).watch(export["id"]))
    with pytest.raises(WaitedTooLong, match=r"within 0\.2 s"):
        list(reach().watch(export["id"], timeout=0.2))


def test_a_stream_of_events_is_read_as_the_standard_has_it() -> None:
    lines = [": hello", "retry: 1000", "", "id: 7", "event: progress", "data: {", "data:}", ""]
    lines += ["data: 1", "", "event: unfinished", "data: 2"]
    assert list(events(lines)) == [None, Event("progress", {}, "7"), Event("message", 1, "7")]
