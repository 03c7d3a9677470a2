"""Who gets which answer in the admin: every person at every deed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from project.shop.models import Order
from tests.admin.conftest import ASK, address, make_person, page_of

# 302 leads on to the export, or to the sign-in: it is that for nobody but the anonymous.
ANSWERS = {
    #         anonymous, without right, owner, right lost, somebody else, superuser
    "create": (302, 403, 302, 403, 302, 302),
    "view": (302, 404, 200, 200, 404, 200),
    "pause": (302, 404, 302, 302, 404, 302),
    "resume": (302, 404, 302, 302, 404, 302),
    "cancel": (302, 404, 302, 302, 404, 302),
    "download": (302, 404, 200, 403, 404, 200),
}
PEOPLE = ("anonymous", "without right", "owner", "right lost", "somebody else", "superuser")


def client_of(who: str, owner: User) -> Client:
    client = Client()
    if who == "right lost":
        owner.user_permissions.remove(Permission.objects.get(codename="export_order"))
    people: dict[str, Callable[[], User]] = {
        "without right": lambda: make_person("eve", "view_order"),
        "owner": lambda: owner,
        "right lost": lambda: owner,
        "somebody else": lambda: make_person("ben", "view_order", "export_order"),
        "superuser": lambda: make_person("root", is_superuser=True),
    }
    if who in people:
        client.force_login(people[who]())
    return client


def call(client: Client, deed: str, job: ExportJob) -> Any:
    if deed == "create":
        return client.post(f"{ASK}?_changelist_filters=status%3Dpaid")
    if deed == "view":
        return client.get(page_of(job))
    if deed == "download":
        return client.get(address("download", job, 1))
    return client.post(address("do", job, deed))


@pytest.mark.parametrize(("deed", "who"), [(deed, who) for deed in ANSWERS for who in PEOPLE])
def test_everybody_gets_what_is_theirs(
    deed: str,
    who: str,
    asked: ExportJob,
    clerk: User,
    orders: list[Order],
    finish: Callable[[ExportJob], ExportJob],
) -> None:
    if deed == "resume":
        lifecycle.pause(asked)
    if deed == "download":
        finish(asked)
    asked.refresh_from_db()
    before = asked.status

    response = call(client_of(who, clerk), deed, asked)
    if response.streaming:
        assert b"".join(response)
    asked.refresh_from_db()

    assert response.status_code == ANSWERS[deed][PEOPLE.index(who)]
    is_done = who != "anonymous" and response.status_code == 302
    assert (asked.status != before) == (is_done and deed != "create")
    assert (ExportJob.objects.count() == 2) == (is_done and deed == "create")
    if who == "anonymous":
        assert "/login/" in response.headers["Location"]
