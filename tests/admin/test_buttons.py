from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.states import JobState
from project.shop.models import Order
from tests.admin.conftest import (
    JOBS,
    ORDERS,
    address,
    ask_for,
    make_person,
    messages_of,
    page_of,
)

Finish = Callable[[ExportJob], ExportJob]
HTMX = {"hx-request": "true"}


def state_of(job: ExportJob) -> JobState:
    job.refresh_from_db()
    return job.state


def test_pause_resume_and_cancel_without_javascript(
    desk: Client, clerk: User, asked: ExportJob
) -> None:
    for deed, state, asked_for in (
        ("pause", JobState.PAUSED, JobState.PAUSING),
        ("resume", JobState.QUEUED, JobState.QUEUED),
        ("cancel", JobState.CANCELLED, JobState.CANCELLING),
    ):
        response = desk.post(address("do", asked, deed))

        assert response.headers["Location"] == page_of(asked)
        assert state_of(asked) == state
        assert asked.events.filter(user=clerk, data__after=asked_for).exists()


def test_a_resumed_export_ends_with_its_file(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    desk.post(address("do", asked, "pause"))
    desk.post(address("do", asked, "resume"))

    assert finish(asked).files.get().rows == 30


def test_a_button_of_the_list_leads_back_to_the_list_with_its_filters(
    desk: Client, asked: ExportJob
) -> None:
    came_from = f"http://testserver{JOBS}?status__exact=queued"

    response = desk.post(address("do", asked, "pause"), headers={"referer": came_from})

    assert response.headers["Location"] == came_from


def test_nobody_is_led_to_another_site(desk: Client, asked: ExportJob) -> None:
    elsewhere = {"referer": "https://evil.example/"}

    assert desk.post(address("do", asked, "pause"), headers=elsewhere).headers[
        "Location"
    ] == page_of(asked)


@pytest.mark.parametrize("part", ["job", "row"])
def test_htmx_gets_the_fragment_in_its_new_state(desk: Client, asked: ExportJob, part: str) -> None:
    response = desk.post(address("do", asked, "pause"), {"part": part}, headers=HTMX)

    shown = response.content.decode()
    assert response.status_code == 200
    assert "Paused" in shown
    assert "<html" not in shown
    assert "hx-get" not in shown


def test_what_cannot_be_done_any_more_is_said(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    finish(asked)

    plain = desk.post(address("do", asked, "pause"), follow=True)
    live = desk.post(address("do", asked, "pause"), {"part": "job"}, headers=HTMX)

    assert any("cannot become “Pausing”" in text for text in messages_of(plain))
    assert "cannot become “Pausing”" in live.content.decode()
    assert state_of(asked) == JobState.SUCCEEDED


def test_a_link_changes_nothing_and_an_unknown_deed_is_not_found(
    desk: Client, asked: ExportJob
) -> None:
    assert desk.get(address("do", asked, "cancel")).status_code == 405
    assert desk.post(address("do", asked, "burn")).status_code == 404
    assert state_of(asked) == JobState.QUEUED


def test_a_post_from_another_site_is_refused(clerk: User, asked: ExportJob) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(clerk)

    assert stranger.post(address("do", asked, "cancel")).status_code == 403
    assert state_of(asked) == JobState.QUEUED


def test_the_exports_of_others_cannot_be_touched(client: Client, asked: ExportJob) -> None:
    client.force_login(make_person("other", "view_order", "export_order"))

    assert client.post(address("do", asked, "cancel")).status_code == 404
    client.post(JOBS, {"action": "cancel_selected", "_selected_action": [str(asked.pk)]})

    assert state_of(asked) == JobState.QUEUED


def test_the_action_stops_what_it_can_and_says_what_it_cannot(
    desk: Client, clerk: User, asked: ExportJob, finish: Finish
) -> None:
    finish(asked)
    desk.get(JOBS)  # tells that it is ready
    running = ask_for(clerk, "o=1")
    desk.get(JOBS)  # takes the messages so far
    both = [str(asked.pk), str(running.pk)]

    for action, state in (
        ("pause_selected", JobState.PAUSED),
        ("resume_selected", JobState.QUEUED),
        ("cancel_selected", JobState.CANCELLED),
    ):
        said = messages_of(
            desk.post(JOBS, {"action": action, "_selected_action": both}, follow=True)
        )

        assert state_of(running) == state
        assert state_of(asked) == JobState.SUCCEEDED
        assert len(said) == 2, said
        assert any("is “Ready”; it cannot become" in text for text in said)


def test_the_list_of_the_model_links_no_job_actions(desk: Client, orders: list[Order]) -> None:
    assert "cancel_selected" not in desk.get(ORDERS).content.decode()


def test_an_equal_export_that_already_runs_keeps_a_second_one_from_resuming(
    desk: Client, clerk: User, asked: ExportJob
) -> None:
    lifecycle.cancel(asked, user=clerk)
    ask_for(clerk)

    said = desk.post(address("do", asked, "resume"), follow=True)

    assert any("already running" in text for text in messages_of(said))
    assert state_of(asked) == JobState.CANCELLED


def test_an_export_that_has_ended_is_started_over_by_its_button(
    desk: Client, asked: ExportJob
) -> None:
    lifecycle.cancel(asked)
    assert "Start over" in desk.get(page_of(asked)).content.decode()

    desk.post(address("do", asked, "start_over"))

    assert state_of(asked) == JobState.CANCELLED
    assert [job.state for job in ExportJob.objects.exclude(pk=asked.pk)] == [JobState.QUEUED]
