"""Signals: sent after the commit, and nothing that a receiver does comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from exportapp.jobs import delivery, lifecycle, transitions
from exportapp.jobs.announce import announce
from exportapp.jobs.work import step
from exportapp.models import ExportJob
from exportapp.signals import export_downloaded, export_failed, export_started, export_succeeded
from exportapp.states import JobState
from tests.jobs.conftest import finish
from tests.jobs.notices import ask_as

SIGNALS = {
    "started": export_started,
    "succeeded": export_succeeded,
    "failed": export_failed,
    "downloaded": export_downloaded,
}
Heard = list[tuple[str, ExportJob, Any, dict[str, Any]]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    found: Heard = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(*, sender: Any, signal: Any, job: ExportJob, user: Any, **more: Any) -> None:
            assert sender is ExportJob
            # What a receiver raises is heard by nobody.
            when = " too early" if connection.in_atomic_block else ""
            found.append((name + when, job, user, more))

        return receive

    receivers = {name: receiver(name) for name in SIGNALS}
    for name, signal in SIGNALS.items():
        signal.connect(receivers[name], sender=ExportJob)
    yield found
    for name, signal in SIGNALS.items():
        signal.disconnect(receivers[name], sender=ExportJob)


@pytest.fixture
def ann(orders: Callable[[int], None]) -> User:
    orders(5)
    return User.objects.create_superuser("ann")


def test_each_is_sent_when_its_change_is_committed(ann: User, heard: Heard) -> None:
    job = ask_as(ann)
    finish(job)
    delivery.note(job, ann, 1, "orders.xlsx", resumed=False)
    delivery.note(job, ann, 1, "orders.xlsx", resumed=True)

    assert [(name, user, more) for name, _, user, more in heard] == [
        ("started", ann, {}),
        ("succeeded", ann, {}),
        ("downloaded", ann, {"file": 1, "filename": "orders.xlsx"}),
    ]
    assert [found.state for _, found, *_ in heard][1:] == [JobState.SUCCEEDED] * 2
    assert all(found is not job and found == job for _, found, *_ in heard)


def test_what_is_rolled_back_is_told_to_nobody(ann: User, heard: Heard) -> None:
    job = ask_as(ann)
    with transaction.atomic():
        announce(job, JobState.SUCCEEDED)
        transaction.set_rollback(True)

    assert heard == []


def test_a_resumed_export_has_begun_already(ann: User, heard: Heard) -> None:
    job = ask_as(ann)
    step(job)
    transitions.fail(job, "poison", "broken")
    lifecycle.resume(job, user=ann, queue=False)
    finish(job)

    assert [name for name, *_ in heard] == ["started", "failed", "succeeded"]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("another")], ids=repr)
def test_a_receiver_that_raises_leaves_a_log_line_and_the_export_alone(
    ann: User, heard: Heard, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def break_everything(*, job: ExportJob, **_: Any) -> None:
        job.status = "nonsense"
        raise error

    signals = (export_started, export_succeeded)
    for signal in signals:
        signal.connect(break_everything)
    try:
        with caplog.at_level(logging.ERROR, "exportapp"):
            finish(ask_as(ann))
    finally:
        for signal in signals:
            signal.disconnect(break_everything)

    lines = [record.msg for record in caplog.records if record.name == "exportapp"]
    assert [line["event"] for line in lines] == ["receiver_failed"] * 2
    assert "break_everything" in lines[0]["receiver"]
    assert [name for name, *_ in heard] == ["started", "succeeded"]
