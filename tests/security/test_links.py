"""Links that need no session: whose word they are, for what, for how long."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from exportapp.jobs import lifecycle, links
from exportapp.jobs.work import work
from exportapp.models import ExportEvent, ExportJob
from project.shop.loading import seed_shop
from tests.security.conftest import API, asked_by, browser_of, make_clerk


@pytest.fixture
def job(clerk: User) -> ExportJob:
    seed_shop(3, seed=1)
    return finished(clerk)


def finished(user: User, **asked: Any) -> ExportJob:
    job = asked_by(user, **asked)
    work(job.pk)
    job.refresh_from_db()
    assert job.can_download, job.error
    return job


def link_of(client: Client, job: ExportJob, **body: Any) -> str:
    made = client.post(f"{API}{job.pk}/link/", body, content_type="application/json")
    assert made.status_code == 201, made.content
    assert made["Cache-Control"] == "private, no-store"
    url: str = made.json()["url"]
    assert url.startswith("http://testserver/api/exports/link/")
    return url


def is_good(url: str, **told: str) -> bool:
    return bool(Client(**told).head(url).status_code == 200)


def code_of(url: str) -> tuple[int, str]:
    answer = Client(raise_request_exception=False).get(url)
    return answer.status_code, answer.json()["code"]


def test_a_link_gives_the_file_without_a_session_as_the_person_s_download(
    job: ExportJob, desk: Client, clerk: User
) -> None:
    nobody = Client()
    for body in ({}, {"file": 1}):
        url = link_of(desk, job, **body)
        whole = b"".join(nobody.get(url))
        rest = nobody.get(url, headers={"Range": "bytes=100-"})
        head = nobody.head(url)
        assert len(whole) == job.files.get().size == int(head["Content-Length"])
        assert (rest.status_code, b"".join(rest)) == (206, whole[100:])
        assert "Set-Cookie" not in rest.headers
    events = ExportEvent.objects.filter(kind="downloaded")
    assert [event.user for event in events] == [clerk, clerk], "a resumed one is no new one"
    # Signed in as somebody else, it is still the word of the person who made it.
    assert b"".join(browser_of(make_clerk("ben")).get(url)) == whole
    assert {event.user for event in events.all()} == {clerk}


def test_nobody_makes_a_link_to_what_is_not_theirs(job: ExportJob, clerk: User) -> None:
    def asked(client: Client, **body: Any) -> int:
        path, kind = f"{API}{job.pk}/link/", "application/json"
        return int(client.post(path, body, content_type=kind).status_code)

    assert asked(browser_of(make_clerk("ben"))) == 404
    assert asked(browser_of(clerk), file=2) == 404
    assert asked(browser_of(clerk), files=1) == 400
    ExportJob.objects.update(status="rendering")
    assert asked(browser_of(clerk)) == 409


def test_every_part_of_a_link_is_signed(job: ExportJob, desk: Client, settings: Any) -> None:
    settings.EXPORTAPP_API_RATES = {"link": None}
    url = link_of(desk, job)
    start, token = url.removesuffix("/").rsplit("/", 1)
    # Of the last sign some bits mean nothing (RFC 4648, 3.5).
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        changed = f"{start}/{token[:place]}{other}{token[place + 1 :]}/"
        assert code_of(changed) == (404, "link_unknown"), place
    for wrong in ("x", "a:b:c", ":::", token + "A", token[:-3], token.replace(":", "."), "%00"):
        assert code_of(f"{start}/{wrong}/") == (404, "link_unknown"), wrong


def test_what_a_link_says_cannot_be_said_by_another_signature(
    job: ExportJob, desk: Client, clerk: User
) -> None:
    token = link_of(desk, job).rstrip("/").rsplit("/", 1)[1]
    stamp = token.split(":")[1]
    told = signing.loads(token, salt=links.SALT)
    ben = make_clerk("ben")
    others = finished(ben)
    for position, other in enumerate((str(others.pk), str(ben.pk), 2, "0" * 64, "0" * 32)):
        changed = [*told[:position], other, *told[position + 1 :]]
        data = base64.urlsafe_b64encode(signing.JSONSerializer().dumps(changed)).rstrip(b"=")
        forged = f"{data.decode()}:{stamp}:{token.rsplit(':', 1)[1]}"
        assert code_of(f"{API}link/{forged}/") == (404, "link_unknown")
    # What the project signs elsewhere, with the same key, is no link.
    assert code_of(f"{API}link/{signing.dumps(told)}/") == (404, "link_unknown")
    # And one that is signed says nothing of somebody else's export, or of another file.
    mixed = signing.dumps([str(others.pk), *told[1:]], salt=links.SALT)
    another = signing.dumps([*told[:3], "0" * 64, told[4]], salt=links.SALT)
    assert code_of(f"{API}link/{mixed}/")[0] == 403
    assert code_of(f"{API}link/{another}/") == (410, "link_expired")


def test_a_link_ends_with_its_time_the_right_the_password_and_the_file(
    job: ExportJob, desk: Client, clerk: User, settings: Any
) -> None:
    settings.EXPORTAPP_LINK_SECONDS = 60
    url = link_of(desk, job)
    with time_machine.travel(0) as clock:
        early = link_of(desk, job)
        clock.shift(59)
        assert is_good(early)
        clock.shift(2)
        assert code_of(early) == (410, "link_expired")

    permissions = list(clerk.user_permissions.all())
    clerk.user_permissions.clear()
    assert code_of(url) == (403, "not_allowed")
    clerk.user_permissions.set(permissions)
    User.objects.update(is_active=False)
    assert code_of(url) == (403, "not_allowed")
    User.objects.update(is_active=True)
    assert is_good(url)
    clerk.set_password("another")
    clerk.save()
    assert code_of(url) == (403, "not_allowed")

    url = link_of(browser_of(clerk), job)
    lifecycle.discard(job)
    assert code_of(url) == (410, "file_expired")
    job.delete()
    assert code_of(url) == (410, "link_expired")


def test_an_address_that_guesses_waits_and_nobody_else(
    job: ExportJob, desk: Client, settings: Any
) -> None:
    settings.EXPORTAPP_API_RATES = {"link": "5/min"}
    url, dice = link_of(desk, job), random.Random(1)
    for _ in range(10):
        assert is_good(url), "good links are not counted"
    start = url.rsplit("/", 2)[0]
    guesses = [code_of(f"{start}/{dice.getrandbits(256):x}/") for _ in range(7)]
    assert guesses == [(404, "link_unknown")] * 5 + [(429, "throttled")] * 2
    assert Client().get(url).status_code == 429
    assert is_good(url, REMOTE_ADDR="192.0.2.7")
