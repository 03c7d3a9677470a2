"""The list of exports and the page of one, whole and in the fragments that poll."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils.html import strip_tags

from exportapp.admin.advice import OTHERWISE
from exportapp.admin.deeds import DEEDS
from exportapp.admin.happened import WORDS
from exportapp.admin.pages import PARTS, describe
from exportapp.jobs import lifecycle
from exportapp.jobs.journal import Happened
from exportapp.models import ExportJob
from exportapp.states import ACTIVE, JobState
from project.shop.models import Order
from tests.admin.conftest import JOBS, address, make_person, page_of

Finish = Callable[[ExportJob], ExportJob]


def shown(part: str, job: ExportJob) -> str:
    names = {"urls": "admin:exportapp_exportjob_"}
    context = describe(job, job.requested_by) | names
    return render_to_string(f"exportapp/{PARTS[part]}", context)


def test_every_state_has_its_own_words(asked: ExportJob) -> None:
    for state in JobState:
        asked.status = state
        partial = render_to_string(
            f"exportapp/states/{state}.html", describe(asked, asked.requested_by)
        )
        words = strip_tags(partial).strip()

        assert words, state
        assert "{" not in words, state
        assert str(state.label) in shown("job", asked)
        assert partial in shown("job", asked)


@pytest.mark.parametrize("part", PARTS)
def test_a_fragment_asks_for_itself_again_only_while_the_job_is_active(
    asked: ExportJob, part: str
) -> None:
    for state in JobState:
        asked.status = state

        polls = f'hx-get="{address("part", asked, part)}' in shown(part, asked)

        assert polls == (state in ACTIVE), state


@pytest.mark.parametrize("part", ["job", "row"])
def test_a_button_is_shown_exactly_when_the_job_can_do_it(asked: ExportJob, part: str) -> None:
    for state in JobState:
        asked.status = state
        html = shown(part, asked)

        for deed in DEEDS:
            address_of_it = "href" if DEEDS[deed].asks else "formaction"
            button = f'{address_of_it}="{address("do", asked, deed)}"'
            assert (button in html) == getattr(asked, f"can_{deed}"), (state, deed)


def test_the_page_holds_the_very_fragment_that_the_poll_answers(
    desk: Client, asked: ExportJob
) -> None:
    # The token against forgery is masked anew in each response.
    page, fragment = (
        _without_tokens(desk.get(url).content.decode())
        for url in (page_of(asked), address("part", asked, "job"))
    )

    assert fragment.strip() in page


@pytest.mark.parametrize("part", ["job", "row"])
def test_a_poll_replaces_the_buttons_only_when_the_state_has_changed(
    desk: Client, clerk: User, asked: ExportJob, part: str
) -> None:
    url = address("part", asked, part) + "?seen=queued"
    same = desk.get(url)
    lifecycle.pause(asked, user=clerk)
    changed = desk.get(url)

    assert url in same.content.decode()
    assert "<button" not in same.content.decode()
    assert "HX-Retarget" not in same.headers
    assert "Resume</button>" in changed.content.decode()
    assert changed.headers["HX-Retarget"] == "closest [data-export-part]"


def test_a_finished_export_shows_its_file_its_rows_and_its_digest(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    file = finish(asked).files.get()

    page = desk.get(page_of(asked)).content.decode()
    listed = desk.get(JOBS).content.decode()

    assert "Ready" in page
    assert file.sha256 in page
    for html in (page, listed):
        assert address("download", asked, 1) in html
        assert "hx-get" not in html
    assert "30 rows" in " ".join(listed.split())


def test_a_failed_export_says_what_to_do(desk: Client, asked: ExportJob) -> None:
    ExportJob.objects.filter(pk=asked.pk).update(
        status=JobState.FAILED, error_code="enospc", error="OSError: No space left on device"
    )
    full = desk.get(page_of(asked)).content.decode()
    ExportJob.objects.filter(pk=asked.pk).update(error_code="keyerror")
    unknown = desk.get(page_of(asked)).content.decode()

    assert "No space left on device" in full
    assert "Make room, then resume." in full
    assert str(OTHERWISE) in unknown


def test_the_page_counts_issues_by_code(desk: Client, asked: ExportJob, finish: Finish) -> None:
    finish(asked)
    ExportJob.objects.filter(pk=asked.pk).update(issues_counted={"text_cut": 1234})

    page = desk.get(page_of(asked)).content.decode()

    assert "Texts were cut: a cell holds 32,767 characters." in page
    assert "1,234" in page


def test_every_kind_of_event_has_its_words() -> None:
    assert WORDS.keys() == set(Happened)


def test_the_page_tells_what_happened_and_who_did_it(
    desk: Client, clerk: User, asked: ExportJob
) -> None:
    lifecycle.pause(asked, user=clerk)

    page = desk.get(page_of(asked)).content.decode()

    assert "asked to pause" in page
    assert page.index("asked to pause") > page.index('id="export-events"')


def test_everybody_sees_their_own_exports_and_a_superuser_sees_all(
    desk: Client, asked: ExportJob
) -> None:
    other = Client()
    other.force_login(make_person("other", "view_order", "export_order"))
    root = Client()
    root.force_login(make_person("root", is_superuser=True))

    assert page_of(asked) in desk.get(JOBS).content.decode()
    assert page_of(asked) not in other.get(JOBS).content.decode()
    assert page_of(asked) in root.get(JOBS).content.decode()
    for hidden in (page_of(asked), address("part", asked, "job"), address("download", asked, 1)):
        assert other.get(hidden).status_code == 404
    assert root.get(page_of(asked)).status_code == 200


def test_exports_can_be_neither_added_nor_edited_nor_deleted_by_hand(
    client: Client, asked: ExportJob
) -> None:
    client.force_login(make_person("root", is_superuser=True))

    assert client.get(f"{JOBS}add/").status_code == 403
    assert client.get(f"{JOBS}{asked.pk}/delete/").status_code == 403
    client.post(page_of(asked), {"status": "succeeded"})
    asked.refresh_from_db()
    assert asked.status == JobState.QUEUED


def test_a_poll_after_signing_out_reloads_the_page_instead_of_showing_a_login_form(
    desk: Client, asked: ExportJob
) -> None:
    desk.logout()

    response = desk.get(address("part", asked, "job"))

    assert response.status_code == 401
    assert response.headers["HX-Refresh"] == "true"
    assert response.content == b""


def test_an_unknown_fragment_is_not_found(desk: Client, asked: ExportJob) -> None:
    assert desk.get(address("part", asked, "secrets")).status_code == 404
    assert desk.get(f"{JOBS}no-such-key/change/").status_code == 404


def test_an_export_of_a_model_that_is_gone_is_still_listed(desk: Client, asked: ExportJob) -> None:
    ExportJob.objects.filter(pk=asked.pk).update(source="shop.Gone")

    assert "shop.Gone" in desk.get(JOBS).content.decode()
    assert desk.get(page_of(asked)).status_code == 200


def test_our_pages_hold_no_inline_script_or_style(
    desk: Client, asked: ExportJob, finish: Finish, orders: list[Order]
) -> None:
    finish(asked)
    for part in PARTS:
        html = desk.get(address("part", asked, part)).content.decode()
        for inline in ("<script", "<style", " style=", " onclick="):
            assert inline not in html


def test_two_parts_of_a_file_are_both_offered(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    second: Any = finish(asked).files.get()
    second.pk, second.number = None, 2
    second.save()

    assert address("download", asked, 2) in desk.get(page_of(asked)).content.decode()
    assert "Download 2" in desk.get(JOBS).content.decode()


def _without_tokens(html: str) -> str:
    return "".join(part for part in html.splitlines() if "csrfmiddlewaretoken" not in part)
