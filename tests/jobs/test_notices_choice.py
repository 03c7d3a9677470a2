"""By what a person is told: what they say, what the project set, what reaches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator
from tests.jobs.conftest import finish
from tests.jobs.notices import ask_as

CHANNELS = dict.fromkeys(("chat", "pager"), "tests.jobs.test_notices.Chat")


@pytest.fixture
def ann(orders: Callable[[int], None], settings: Any) -> User:
    orders(5)
    settings.EXPORTAPP_CHANNELS = CHANNELS
    settings.EXPORTAPP_SITE_URL = "https://shop.example"
    return User.objects.create_superuser("ann", "ann@shop.example")


def test_who_says_nothing_is_told_by_the_setting_as_far_as_it_reaches_them(
    ann: User, settings: Any, ask: Callable[..., ExportJob]
) -> None:
    settings.EXPORTAPP_NOTIFY = ("message", "email", "chat", "gone")

    assert ask_as(ann).notify == ["message", "email", "chat"]
    settings.EXPORTAPP_SITE_URL = None
    assert ask_as(ann, order=("number",)).notify == ["message", "chat"]
    assert ask().notify == ["chat"]


def test_a_channel_that_is_none_or_cannot_reach_the_person_is_refused_at_the_door(
    ann: User, settings: Any
) -> None:
    with pytest.raises(UnknownName, match=r"channel 'chatt'. Did you mean 'chat'\? Valid: message"):
        ask_as(ann, "chatt")
    User.objects.update(email="")
    ann.refresh_from_db()
    with pytest.raises(RequestRefused, match="ann has no e-mail address"):
        ask_as(ann, "email")
    with pytest.raises(RequestRefused, match="'message' reaches a person"):
        ask_as(Operator(), "message")
    settings.EXPORTAPP_SITE_URL = None
    User.objects.update(email="ann@shop.example")
    ann.refresh_from_db()
    with pytest.raises(RequestRefused, match="EXPORTAPP_SITE_URL"):
        ask_as(ann, "email")
    assert not ExportJob.objects.exists()


def test_asking_once_more_adds_a_channel_and_starting_over_keeps_the_choice(
    ann: User, settings: Any
) -> None:
    job = ask_as(ann, "chat")
    assert ask_as(ann, "pager", "chat") == job
    assert ask_as(ann).notify == ["chat", "pager"]
    finish(job)
    settings.EXPORTAPP_CHANNELS = {"chat": CHANNELS["chat"]}

    assert lifecycle.start_over(job, user=ann, queue=False).notify == ["chat"]


def test_the_command_takes_channels_by_name(ann: User) -> None:
    named = ("--notify", "chat", "--notify", "email")
    call_command("export_excel", "shop.Order", "--queue", "--user=ann", *named)
    assert ExportJob.objects.get().notify == ["chat", "email"]

    with pytest.raises(CommandError, match="Unknown channel 'fax'"):
        call_command("export_excel", "shop.Order", "--queue", "--notify=fax")
