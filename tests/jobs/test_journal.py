"""Who did what, for people and for machines."""

from __future__ import annotations

import json
import logging
import logging.config
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import rq
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from redis import Redis

from exportapp.jobs import lifecycle, wakeups, work
from exportapp.jobs.journal import Happened, alarm, record, trace_id
from exportapp.jobs.reconcile import recover
from exportapp.models import ExportEvent, ExportJob
from project.demo.valkey import free_port
from tests.clicks import click_through
from tests.house import ROOT
from tests.jobs.conftest import finish
from tests.jobs.test_reconcile import lose

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
NASTY = 'two\r\nlines, "quotes", \x1b[31mred\x1b[0m, \u2028 and \x00'


@pytest.fixture(params=["documented", "any other"])
def log(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that a handler writes, each read as JSON."""
    logger, root = logging.getLogger("exportapp"), logging.getLogger()
    before = logger.level, logger.propagate, logger.handlers[:], root.level, root.handlers[:]
    stream = StringIO()
    if request.param == "documented":
        config = documented_logging()
        config["handlers"]["json"]["stream"] = stream
        logging.config.dictConfig(config)
    else:
        # Whatever a formatter puts before a message, no message can begin a line.
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel("INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.level, logger.propagate, logger.handlers, root.level, root.handlers = before
    logger.setLevel(before[0])


def documented_logging() -> dict[str, Any]:
    """The LOGGING that docs/operations.md tells people to set."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"```python\n(LOGGING = .*?)```", text, re.S)
    found: dict[str, Any] = {}
    exec(block, found)
    config: dict[str, Any] = found["LOGGING"]
    return config


def test_every_event_is_a_line_of_json_with_job_shard_fence_worker_and_trace(
    orders: Orders, ask: Ask, log: Callable[[], list[dict[str, Any]]]
) -> None:
    orders(10)
    job = ask()
    finish(job)
    lines = log()
    assert [line["event"] for line in lines] == [event.kind for event in job.events.all()]
    assert {(line["job"], line["trace_id"]) for line in lines} == {(str(job.pk), job.trace_id)}
    (extracted,) = [line for line in lines if line["event"] == "extracted"]
    event = job.events.get(kind="extracted")
    assert (extracted["shard"], extracted["fence"]) == (1, event.fence) == (1, 1)
    assert extracted["worker"] == event.worker != ""
    assert extracted["data"] == event.data
    assert lines[0]["event"] == "asked" and lines[0]["data"] == {"by": "operator"}


def test_no_text_can_begin_a_line_of_its_own(
    orders: Orders, ask: Ask, log: Callable[[], list[dict[str, Any]]]
) -> None:
    orders(1)
    job = ask()
    said = len(log())
    shown = NASTY.replace("\x00", "")
    record(job, Happened.RETRIED, shown, why=shown)
    (line,) = log()[said:]
    assert (line["message"], line["data"]) == (shown, {"why": shown})


def test_warnings_are_lines_of_json_as_well(
    log: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = rq.Queue("exports", connection=Redis(port=free_port(), retry=None))
    monkeypatch.setattr(wakeups, "open_queue", lambda: nowhere)
    assert not wakeups._put(wakeups.RECONCILE)
    (line,) = log()
    assert line["event"] == "undelivered" and "refused" in line["message"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TRACE,
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"{TRACEPARENT}-more",
        f"{TRACEPARENT}\n",
        f"cc-{TRACE}-00f067aa0ba902b7-01.more",
    ],
)
def test_what_is_no_traceparent_gets_a_trace_of_its_own(header: str | None) -> None:
    first, second = trace_id(header), trace_id(header)
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second and first != TRACE


@pytest.mark.parametrize("header", [TRACEPARENT, f"cc-{TRACE}-00f067aa0ba902b7-01-more"])
def test_a_traceparent_is_taken_on(header: str) -> None:
    assert trace_id(header) == TRACE


@pytest.fixture
def ann(orders: Orders, client: Client) -> User:
    orders(10)
    user = User.objects.create_superuser("ann")
    client.force_login(user)
    return user


def by(job: ExportJob) -> list[tuple[str, Any, Any]]:
    """Kind, what became of it, and who: of all that people did."""
    events = job.events.order_by("pk")
    deeds = [(event.kind, event.data.get("after"), event) for event in events]
    return [
        (kind, after, event.user and event.user.username or event.data.get("by"))
        for kind, after, event in deeds
        if event.user or "by" in event.data
    ]


def test_the_admin_records_who_did_what(ann: User, client: Client) -> None:
    button = "/admin/shop/order/export-to-excel/"
    asked = click_through(client, button, headers={"traceparent": TRACEPARENT})
    assert asked.status_code == 302
    (job,) = ExportJob.objects.all()
    for deed in ("pause", "resume", "cancel", "resume"):
        client.post(f"/admin/exportapp/exportjob/{job.pk}/do/{deed}/")
    work.work(job.pk)
    client.get(f"/admin/exportapp/exportjob/{job.pk}/download/1/").close()
    assert by(job) == [
        ("asked", None, "ann"),
        ("moved", "pausing", "ann"),
        ("moved", "queued", "ann"),
        ("moved", "cancelling", "ann"),
        ("moved", "queued", "ann"),
        ("downloaded", None, "ann"),
    ]
    assert job.trace_id == TRACE


def test_the_rest_interface_records_who_did_what(ann: User, client: Client) -> None:
    asked = client.post(
        "/api/exports/",
        {"source": "shop.Order"},
        content_type="application/json",
        headers={"traceparent": TRACEPARENT},
    )
    job = ExportJob.objects.get(pk=asked.json()["id"])
    for deed in ("pause", "resume", "cancel", "resume"):
        assert client.post(f"/api/exports/{job.pk}/{deed}/").status_code == 200
    work.work(job.pk)
    client.get(f"/api/exports/{job.pk}/download/").close()
    assert [who for _, _, who in by(job)] == ["ann"] * 6
    assert job.trace_id == TRACE


def test_the_command_line_is_the_operator_s(orders: Orders, tmp_path: Path) -> None:
    orders(10)
    call_command("export_excel", "shop.Order", queue=True, stdout=StringIO())
    (job,) = ExportJob.objects.all()
    for verb in ("pause", "cancel"):
        call_command("export_excel", stdout=StringIO(), **{verb: str(job.pk)})
    target = tmp_path / "orders.xlsx"
    call_command("export_excel", resume=str(job.pk), output=target, stdout=StringIO())
    assert by(job) == [
        ("asked", None, "operator"),
        ("moved", "pausing", "operator"),
        ("moved", "cancelling", "operator"),
        ("moved", "queued", "operator"),
        ("downloaded", None, "operator"),
    ]
    started = job.events.get(data__after="extracting")
    assert started.worker and not started.user, "by whom it was taken up"


def test_what_recovered_and_why_is_an_event(orders: Orders, ask: Ask, settings: Any) -> None:
    orders(30)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    work.step(job)
    work.step(job)
    shard = lose(job)
    recover(job)
    event = job.events.get(kind="recovered")
    assert (event.shard, event.fence) == (shard.number, shard.fence)
    assert event.message == "lost by gone/1/2/3"


def test_an_alarm_is_heard_once_for_each_thing_it_is_about(orders: Orders, ask: Ask) -> None:
    orders(1)
    job = ask()
    assert [alarm(job, about, "look") for about in ("clean", "clean", "merge")] == [
        True,
        False,
        True,
    ]
    assert ExportEvent.objects.filter(job=job, kind="alarm").count() == 2


def test_a_job_that_resumes_keeps_its_trace(orders: Orders, ask: Ask) -> None:
    orders(1)
    job = ask()
    before = job.trace_id
    lifecycle.pause(job)
    lifecycle.resume(job, queue=False)
    finish(job)
    assert job.trace_id == before and len(before) == 32
