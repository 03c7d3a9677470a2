"""How people are told of an end: what is booked with it, and what comes of deaths and failures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db.models.functions import Now

from exportapp.exceptions import NoticeRefused
from exportapp.jobs import lifecycle, retention, tasks, transitions
from exportapp.jobs.files import local_path
from exportapp.jobs.journal import Happened
from exportapp.jobs.notices import sending
from exportapp.jobs.traffic import open_queue
from exportapp.jobs.upkeep import take_turn
from exportapp.jobs.work import work
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState
from exportapp.tables.selection import Operator, Viewer
from tests.jobs.conftest import finish
from tests.jobs.notices import ask_as, back_off_is_over

Orders = Callable[[int], None]
Kept = list[ExportNotice]


class Chat:
    """A channel of a project's own."""

    label = "The chat"
    said: Kept = []  # noqa: RUF012
    raises: list[BaseException] = []  # noqa: RUF012

    def send(self, notice: ExportNotice) -> None:
        self.said.append(notice)
        if self.raises:
            raise self.raises.pop(0)


def pager(notice: ExportNotice) -> None:
    Chat.said.append(notice)


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    settings.EXPORTAPP_CHANNELS = {
        "chat": "tests.jobs.test_notices.Chat",
        "pager": "tests.jobs.test_notices.pager",
    }
    settings.EXPORTAPP_SITE_URL = "https://shop.example/"
    Chat.said, Chat.raises = [], []


@pytest.fixture
def ann(orders: Orders) -> User:
    orders(5)
    return User.objects.create_superuser("ann", "ann@shop.example")


def kinds(job: ExportJob) -> list[str]:
    told = (Happened.NOTIFIED, Happened.UNNOTIFIED)
    return list(job.events.filter(kind__in=told).order_by("pk").values_list("kind", flat=True))


def test_notices_are_made_with_the_end_and_each_channel_sends_its_own_once(ann: User) -> None:
    job = ask_as(ann, "chat", "pager", "message")
    assert not ExportNotice.objects.exists()
    finish(job)

    booked = ExportNotice.objects.filter(job=job)
    assert {(n.channel, n.outcome, n.recipient) for n in booked} == {
        (name, JobState.SUCCEEDED, ann) for name in ("chat", "pager", "message")
    }
    (wake_up,) = open_queue().get_jobs()
    assert wake_up.func_name == "exportapp.jobs.tasks.tell"
    tasks.tell()
    assert sending.tell() == 0
    assert sorted(n.channel for n in Chat.said) == ["chat", "pager"]
    assert {n.channel for n in booked.open()} == {"message"}
    assert kinds(job) == [Happened.NOTIFIED] * 2


def test_a_death_between_sending_and_saying_so_doubles_a_notice_and_loses_none(ann: User) -> None:
    job = ask_as(ann, "chat")
    finish(job)
    # What the system does to a process that is killed: nothing of it runs on.
    Chat.raises = [SystemExit()]
    with pytest.raises(SystemExit):
        sending.tell()

    assert sending.tell() == 0, "its sender may still be at it"
    back_off_is_over()
    assert sending.tell() == 1
    first, second = Chat.said
    assert first.pk == second.pk
    assert (first.attempts, second.attempts) == (1, 2)


def test_a_sender_that_was_thought_dead_does_not_speak_for_the_one_after_it(ann: User) -> None:
    finish(ask_as(ann, "chat"))
    notice = sending._claim_next()
    back_off_is_over()
    later = sending._claim_next()
    assert notice and later and not sending.claim(notice)

    sending._failed(notice, NoticeRefused("too late"))

    assert ExportNotice.objects.get().given_up_at is None
    assert sending._deliver(later)


def test_a_failure_that_may_pass_is_tried_again_ever_later_until_the_deadline(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, float, float]] = []
    monkeypatch.setattr(sending, "backoff", lambda *given: asked.append(given) or 60.0)
    job = ask_as(ann, "chat")
    finish(job)
    for _ in range(3):
        Chat.raises = [ConnectionError("away")]
        assert sending.tell() == 0
        assert not ExportNotice.objects.due().exists()
        back_off_is_over()
    assert asked == [(n, sending.BACKOFF_BASE, sending.BACKOFF_CAP) for n in range(3)]

    ExportNotice.objects.update(created_at=Now() - timedelta(days=1, seconds=1))
    Chat.raises = [ConnectionError("still away")]
    assert sending.tell() == 0
    notice = ExportNotice.objects.get()
    assert notice.given_up_at and "still away" in notice.error
    assert kinds(job) == [Happened.UNNOTIFIED]


def test_an_error_that_no_try_mends_gives_up_at_once_and_harms_no_other(ann: User) -> None:
    job = ask_as(ann, "chat", "pager")
    finish(job)
    Chat.raises = [ZeroDivisionError("a bug")]

    assert sending.tell() == 1
    assert sorted(kinds(job)) == [Happened.NOTIFIED, Happened.UNNOTIFIED]
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


def test_nobody_is_told_of_a_file_that_is_not_there(ann: User) -> None:
    job = ask_as(ann, "chat")
    path = finish(job)
    aside = path.rename(path.with_name("aside"))
    sending.tell()
    assert not Chat.said and "gone" in ExportNotice.objects.get().error

    aside.rename(path)
    back_off_is_over()
    assert sending.tell() == 1
    assert local_path(job.files.get().path) == path


def test_what_is_so_no_more_is_told_to_nobody(ann: User) -> None:
    job = ask_as(ann, "chat")
    transitions.try_move(job, JobState.EXTRACTING)
    assert transitions.fail(job, "poison", "broken")
    lifecycle.resume(job, user=ann, queue=False)
    sending.tell()
    assert not Chat.said
    assert ExportNotice.objects.get().given_up_at

    finish(job)
    sending.tell()
    assert [notice.outcome for notice in Chat.said] == [JobState.SUCCEEDED]


@pytest.mark.parametrize("by", ["ann", "root", "operator"])
def test_a_cancel_is_told_only_if_somebody_else_did_it(ann: User, by: str) -> None:
    job = ask_as(ann, "chat")
    root = User.objects.create_superuser("root")
    lifecycle.cancel(job, user={"ann": ann, "root": root, "operator": Operator()}[by])
    sending.tell()

    assert [notice.outcome for notice in Chat.said] == [JobState.CANCELLED] * (by != "ann")


def test_the_reconciler_sends_for_a_wake_up_that_was_lost(ann: User) -> None:
    finish(ask_as(ann, "chat", "message"))
    open_queue().empty()
    take_turn()
    assert [job.func_name for job in open_queue().get_jobs()] == ["exportapp.jobs.tasks.tell"]
    take_turn()
    assert len(open_queue().get_jobs()) == 1, "one is enough"

    call_command("export_reconcile", verbosity=0, stdout=StringIO())
    assert len(Chat.said) == 1


def test_a_turn_that_is_over_leaves_the_rest_to_the_next(ann: User) -> None:
    finish(ask_as(ann, "chat", "pager"))
    open_queue().empty()
    assert sending.tell(seconds=-1) == 0
    assert len(open_queue().get_jobs()) == 1


def test_notices_go_when_the_files_do(ann: User) -> None:
    job = ask_as(ann, "message")
    finish(job)
    ExportJob.objects.update(expires_at=Now())
    retention.expire()

    assert not ExportNotice.objects.exists()


def test_an_operator_who_says_nothing_costs_nothing(ann: User, operator: Viewer) -> None:
    job = ask_as(operator.user)
    work(job.pk)
    assert not ExportNotice.objects.exists()
    assert not open_queue().get_jobs()
    assert mail.outbox == []
