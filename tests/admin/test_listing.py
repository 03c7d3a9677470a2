"""The list of exports: filters, bars, deletion; and the operations page beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from exportapp.admin.deeds import DEEDS, SAID
from exportapp.jobs import away, lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.journal import alarm
from exportapp.models import ExportJob
from exportapp.states import JobState
from project.shop.models import Order
from tests.admin.conftest import JOBS, address, ask_for, make_person, messages_of, page_of

Finish = Callable[[ExportJob], ExportJob]
HTMX = {"hx-request": "true"}
OPERATIONS = f"{JOBS}operations/"


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(make_person("root", is_superuser=True))
    return client


def listed(client: Client, query: str = "") -> set[str]:
    """The keys of the exports on the list."""
    return {str(job.pk) for job in client.get(f"{JOBS}?{query}").context["cl"].result_list}


def test_the_list_is_filtered_by_state_export_date_and_person(
    desk: Client, root: Client, clerk: User, asked: ExportJob
) -> None:
    paused = lifecycle.pause(ask_for(clerk, "o=1"))
    other = ask_for(User.objects.get(username="root"), "o=2")
    ExportJob.objects.filter(pk=other.pk).update(
        source="shop.Product", created_at=Now() - timedelta(days=40)
    )

    assert listed(desk) == {str(asked.pk), str(paused.pk)}
    assert listed(root) == {str(job.pk) for job in (asked, paused, other)}
    assert listed(desk, "status__exact=paused") == {str(paused.pk)}
    assert listed(root, "source=shop.Product") == {str(other.pk)}
    assert listed(root, f"requested_by__id__exact={clerk.pk}") == listed(desk)
    page = root.get(JOBS).content.decode()
    assert "?source=shop.Product" in page and ">Products</a>" in page
    assert "requested_by__id__exact" in page and "created_at__gte" in page
    mine = desk.get(JOBS).content.decode()
    assert "requested_by__id__exact" not in mine
    assert "shop.Product" not in mine and "Operations" not in mine


def test_exports_of_one_list_are_told_apart_without_a_query_for_each(
    desk: Client, clerk: User, orders: list[Order], finish: Finish
) -> None:
    for number, query in enumerate(("", "status=paid&q=lamp&o=-1", "customer__id__exact=7&gift=1")):
        finish(ask_for(clerk, query))
        ExportJob.objects.filter(source="shop.Order").update(status=JobState.EXPIRED)
        with CaptureQueriesContext(connection) as queries:
            page = desk.get(JOBS).content.decode()
        if number == 1:
            before = len(queries)

    assert "all rows of the list" in page
    assert "search “lamp”, status is Paid" in page
    assert "gift is yes, Customer id is 7" in page
    assert len(queries) == before
    assert page.count("&rsaquo;") == 1


def test_the_list_has_live_bars_and_buttons_that_fit_the_right(
    desk: Client, clerk: User, asked: ExportJob, finish: Finish
) -> None:
    waiting = ask_for(clerk, "o=1")
    finish(asked)

    page = desk.get(JOBS).content.decode()
    assert f'hx-get="{address("part", waiting, "row")}?seen=queued" hx-trigger="every 2s"' in page
    assert address("download", asked, 1) in page
    assert f'href="{address("do", asked, "discard")}"' in page
    assert address("do", waiting, "discard") not in page

    clerk.user_permissions.clear()
    page = desk.get(JOBS).content.decode()
    assert address("download", asked, 1) not in page
    assert address("do", asked, "start_over") not in page
    assert address("do", waiting, "cancel") in page


def test_what_can_be_deleted_is_asked_for_first_and_gone_at_once(
    desk: Client, clerk: User, asked: ExportJob, finish: Finish
) -> None:
    path = local_path(finish(asked).files.get().path)
    sure = address("do", asked, "discard")

    page = desk.get(sure).content.decode()
    assert "cannot be brought back" in page and "orders.xlsx" in page
    assert path.exists()

    done = desk.post(sure, headers={"referer": f"http://testserver{sure}"}, follow=True)

    assert done.redirect_chain == [(page_of(asked), 302)]
    assert messages_of(done) == [str(SAID["discard", JobState.EXPIRED])]
    assert "who downloaded it stays on record" in done.content.decode()
    assert not path.exists()
    assert asked.events.filter(user=clerk, data__after="expired").exists()
    assert desk.get(address("download", asked, 1)).status_code == 410
    assert address("do", asked, "discard") not in desk.get(page_of(asked)).content.decode()


def test_nobody_deletes_the_export_of_another_nor_one_that_runs(
    desk: Client, asked: ExportJob, finish: Finish
) -> None:
    assert desk.post(address("do", asked, "discard"), follow=True).status_code == 200
    asked.refresh_from_db()
    assert asked.state == JobState.QUEUED
    finish(asked)
    other = Client()
    other.force_login(make_person("ben", "view_order", "export_order"))
    assert other.get(address("do", asked, "discard")).status_code == 404
    assert other.post(address("do", asked, "discard")).status_code == 404
    asked.refresh_from_db()
    assert asked.state == JobState.SUCCEEDED


def test_after_each_button_a_sentence_says_what_will_happen(desk: Client, asked: ExportJob) -> None:
    said = {}
    for deed in ("pause", "resume", "cancel", "start_over"):
        response = desk.post(address("do", asked, deed), follow=True)
        (said[deed],) = messages_of(response)
    assert said == {
        "pause": str(SAID["pause", JobState.PAUSED]),
        "resume": str(SAID["resume", JobState.QUEUED]),
        "cancel": str(SAID["cancel", JobState.CANCELLED]),
        "start_over": str(SAID["start_over", JobState.QUEUED]),
    }
    new = ExportJob.objects.exclude(pk=asked.pk).get()
    assert response.redirect_chain == [(page_of(new), 302)]

    live = desk.post(address("do", new, "pause"), {"part": "job"}, headers=HTMX)
    assert "Resume goes on from there." in live.content.decode()
    lifecycle.cancel(new)
    again = desk.post(address("do", new, "start_over"), {"part": "job"}, headers=HTMX)
    third = ExportJob.objects.order_by("created_at").last()
    assert again["HX-Redirect"] == page_of(third)


def test_every_deed_has_its_sentence() -> None:
    assert {name for name, _ in SAID} == DEEDS.keys()


def test_many_at_once_are_told_in_one_sentence(desk: Client, clerk: User, asked: ExportJob) -> None:
    both = [str(asked.pk), str(ask_for(clerk, "o=1").pk)]
    for action, words in (
        ("pause_selected", "2 exports are paused as soon as"),
        ("resume_selected", "2 exports go on"),
        ("cancel_selected", "2 exports are given up"),
    ):
        form = {"action": action, "_selected_action": both}
        (said,) = messages_of(desk.post(JOBS, form, follow=True))
        assert said.startswith(words)


def test_a_resume_that_is_refused_says_what_differs(
    desk: Client, asked: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.pause(asked)
    monkeypatch.setattr("project.shop.admin.OrderAdmin.list_display", ("number", "status"))

    response = desk.post(address("do", asked, "resume"), {"part": "job"}, headers=HTMX)

    shown = response.content.decode()
    assert "gone: customer, amount" in shown
    assert 'role="alert"' in shown
    assert "Start over</button>" in shown


def test_the_operations_page_is_for_superusers_and_tells_how_everything_does(
    desk: Client, root: Client, asked: ExportJob
) -> None:
    alarm(asked, "merge", "look here")
    assert desk.get(OPERATIONS).status_code == 403
    assert f'href="{OPERATIONS}"' in root.get(JOBS).content.decode()

    page = root.get(OPERATIONS).content.decode()

    for words in (
        "No worker listens to this queue",
        "All breakers are closed.",
        "look here",
        page_of(asked),
        "Last reconcile",
    ):
        assert words in page
    assert "<script>" not in page and " style=" not in page
    assert "in django-rq" not in page


def test_the_pages_of_django_rq_are_linked_where_the_project_shows_them(
    root: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.staff_urls"
    page = root.get("/staff/exportapp/exportjob/operations/").content.decode()
    assert '<a href="/queues/">' in page
    assert 'href="/staff/exportapp/exportjob/operations/"' in page


def test_the_operations_page_answers_without_redis(root: Client, asked: ExportJob) -> None:
    for absence in (away.OF_ANCHORS, away.OF_QUEUE):
        absence.begin()

    page = root.get(OPERATIONS).content.decode()

    assert "The Redis of the queue does not answer" in page
    assert "The Redis of the anchors does not answer" in page
    assert page_of(asked) in page
