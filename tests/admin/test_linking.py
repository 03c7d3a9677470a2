from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from exportapp.models import ExportJob
from exportapp.states import JobState
from tests.admin.conftest import address, make_person, page_of

Finish = Callable[[ExportJob], ExportJob]
BUTTON = "Link to the file"


@pytest.fixture
def done(asked: ExportJob, finish: Finish) -> ExportJob:
    return finish(asked)


def shown(page: str) -> list[str]:
    """The links in the fields of a page."""
    return re.findall(r'value="(http://testserver/api/exports/link/[^"]+)" readonly', page)


def test_a_link_is_shown_once_and_gives_the_file_without_a_session(
    desk: Client, clerk: User, done: ExportJob
) -> None:
    before = desk.get(page_of(done)).content.decode()
    assert f'<form method="post" action="{address("link", done, 1)}">' in before

    response = desk.post(address("link", done, 1))
    page = response.content.decode()
    (url,) = shown(page)
    taken = b"".join(Client().get(url))

    assert "no-store" in response["Cache-Control"]
    assert "Link to orders.xlsx" in page
    assert "The link is good for about 5 minutes, until " in page
    assert hashlib.sha256(taken).hexdigest() == done.files.get().sha256
    assert done.events.filter(kind="downloaded", user=clerk).count() == 1
    assert shown(desk.get(page_of(done)).content.decode()) == []


@pytest.mark.parametrize(
    ("seconds", "words", "when"),
    [(30, "about 30 seconds", "noon"), (7200, "about 2 hours", "2 p.m.")],
)
def test_the_page_says_how_long_it_is_good_and_that_is_so(
    desk: Client, done: ExportJob, settings: Any, seconds: int, words: str, when: str
) -> None:
    settings.EXPORTAPP_LINK_SECONDS, settings.TIME_ZONE = seconds, "UTC"
    with time_machine.travel("2026-01-05T12:00:00Z", tick=False) as clock:
        desk.force_login(done.requested_by)
        page = desk.post(address("link", done, 1)).content.decode()
        assert f"The link is good for {words}, until Jan. 5, 2026, {when}, and" in page
        clock.shift(seconds + 1)
        assert Client().get(shown(page)[0]).status_code == 410


def test_of_several_files_there_is_one_link_to_all(
    desk: Client, asked: ExportJob, finish: Finish, settings: Any
) -> None:
    settings.EXPORTAPP_SHEET_ROWS = 10
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    done = finish(asked)
    page = desk.get(page_of(done)).content.decode()
    assert page.count(BUTTON) == done.files.count() > 1
    assert address("link_all", done) in page

    (url,) = shown(desk.post(address("link_all", done)).content.decode())
    with ZipFile(BytesIO(b"".join(Client().get(url)))) as found:
        assert found.testzip() is None
    assert desk.post(address("link", done, 9)).status_code == 404


def test_who_may_not_download_is_offered_no_link_and_gets_none(
    desk: Client, clerk: User, done: ExportJob
) -> None:
    other = Client()
    other.force_login(make_person("other", "view_order", "export_order"))
    assert other.post(address("link", done, 1)).status_code == 404
    clerk.user_permissions.clear()

    assert BUTTON not in desk.get(page_of(done)).content.decode()
    refused = desk.post(address("link", done, 1))
    assert (refused.status_code, shown(refused.content.decode())) == (403, [])


def test_before_it_is_ready_and_after_its_time_the_page_says_so(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    for status, code, words in (
        (JobState.QUEUED, 409, "its file is not there"),
        (JobState.EXPIRED, 410, "The time of this export is over"),
    ):
        ExportJob.objects.filter(pk=asked.pk).update(status=status)
        assert BUTTON not in desk.get(page_of(asked)).content.decode()
        response = desk.post(address("link", asked, 1))
        page = response.content.decode()
        assert (response.status_code, words in page, shown(page)) == (code, True, [])


def test_a_link_is_made_by_a_press_of_the_person_and_by_nothing_else(
    clerk: User, done: ExportJob
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(clerk)
    page = browser.get(page_of(done)).content.decode()
    form = re.search(rf'action="{address("link", done, 1)}">.*?</form>', page, re.DOTALL)
    assert form
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form[0])
    assert token

    assert browser.post(address("link", done, 1)).status_code == 403
    sent = browser.post(address("link", done, 1), {"csrfmiddlewaretoken": token[1]})
    assert len(shown(sent.content.decode())) == 1
    # The address of an answer to a form, opened again, or after signing in on the way.
    looked = browser.get(address("link", done, 1))
    assert (looked.status_code, looked["Location"]) == (302, page_of(done))


def test_without_the_rest_face_there_is_nothing_to_open_a_link_with(
    desk: Client, done: ExportJob, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.staff_urls"
    assert BUTTON not in desk.get(page_of(done)).content.decode()
    assert desk.post(address("link", done, 1)).status_code == 404
