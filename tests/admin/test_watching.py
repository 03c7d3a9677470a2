"""The page of an export while it runs: what a poll costs and what it tells, to whom."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from exportapp.admin.pages import PARTS
from exportapp.jobs import away, lifecycle
from exportapp.jobs.files import local_path
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.states import JobState
from tests.admin.conftest import address, make_person, page_of
from tests.effort import redis_calls_of

Finish = Callable[[ExportJob], ExportJob]

OF_DJANGO = 2
"""Session and user."""
OWN = 2
"""The export, and what the fragment shows of it."""


@pytest.mark.parametrize("part", PARTS)
def test_a_poll_costs_one_call_to_redis_and_two_queries(
    desk: Client, running: ExportJob, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = address("part", running, part) + "?seen=rendering&rows=1"
    desk.get(url)
    calls = redis_calls_of(monkeypatch)

    with CaptureQueriesContext(connection) as queries:
        response = desk.get(url)

    asked = [query["sql"] for query in queries]
    own = [sql for sql in asked if "exportapp_" in sql]
    assert response.status_code == 200
    assert len(own) <= OWN, own
    assert len(asked) <= OF_DJANGO + OWN, asked
    assert len(calls) <= 1, calls


def test_a_poll_of_thousands_of_shards_costs_no_more_and_stays_small(
    desk: Client, asked: ExportJob
) -> None:
    ExportShard.objects.bulk_create(
        ExportShard(job=asked, number=number + 1, upto="", rows_planned=1) for number in range(3000)
    )
    with CaptureQueriesContext(connection) as queries:
        page = desk.get(address("part", asked, "shards")).content.decode()

    assert len(queries) == OF_DJANGO + OWN
    assert "Waiting: 3,000" in page
    assert "Shards 1 to 25: Waiting, 25 rows" in " ".join(page.split())
    assert len(page) < 120_000


def test_the_map_tells_each_shard_in_words_and_by_a_sign(desk: Client, running: ExportJob) -> None:
    shards = ExportShard.objects.filter(job=running)
    shards.filter(number=3).update(status="failed", error="no <memory>", attempts=2)
    shards.get(number=2).claim("host/1/2/3", 60, status="rendering")

    page = " ".join(desk.get(page_of(running)).content.decode().split())

    for number, state, said in (
        (1, "rendered", "Shard 1: Written, 10 rows"),
        (2, "rendering", "Shard 2: Writing, 10 rows"),
        (3, "failed", "Shard 3: Failed, 10 rows – no &lt;memory&gt;"),
    ):
        assert f'export-cell-{state}" title="{said}' in page, number
        assert f'<span class="export-unseen">{said}' in page, number
    assert "<td>host/1/2/3</td>" in page
    assert "<caption>" in page


def test_who_may_have_the_rows_takes_a_shard_while_the_others_are_written(
    desk: Client, clerk: User, running: ExportJob
) -> None:
    link = address("shard", running, 1)
    page = desk.get(page_of(running)).content.decode()
    assert f'href="{link}"' in page
    assert f'href="{address("shard", running, 2)}"' not in page
    assert address("part", running, "shards") + "?rows=1" in page

    taken = desk.get(link)
    sheet = openpyxl.load_workbook(BytesIO(b"".join(taken))).worksheets[0]

    assert taken["Content-Disposition"] == 'attachment; filename="orders-00001.xlsx"'
    assert taken["Cache-Control"].startswith("private, no-store")
    assert sheet.max_row == 11
    assert running.events.filter(kind="downloaded", user=clerk, data__file="shard 1").exists()
    assert desk.get(address("shard", running, 2)).status_code == 409
    assert desk.get(address("shard", running, 4)).status_code == 404
    local_path(ExportShard.objects.get(job=running, number=1).xlsx_path).unlink()
    gone = desk.get(link)
    assert (gone.status_code, "or gone" in gone.content.decode()) == (410, True)

    clerk.user_permissions.clear()
    assert desk.get(link).status_code == 403
    assert link not in desk.get(page_of(running)).content.decode()
    stranger = Client()
    stranger.force_login(make_person("ben", "view_order", "export_order"))
    assert stranger.get(link).status_code == 404


def test_shards_of_a_finished_export_are_gone_for_good(
    desk: Client, running: ExportJob, finish: Finish
) -> None:
    finish(running)

    assert address("shard", running, 1) not in desk.get(page_of(running)).content.decode()
    gone = desk.get(address("shard", running, 1))
    assert gone.status_code == 410
    assert "take the file" in gone.content.decode()


def test_the_page_says_what_its_tab_shows_and_what_is_read_out(
    desk: Client, running: ExportJob, finish: Finish
) -> None:
    page = desk.get(page_of(running)).content.decode()
    assert "<title>66 % · Writing rows · Orders |" in page
    assert 'data-export-title="66 % · Writing rows · Orders"' in page
    assert page.count("exportapp/icons/50.svg") == 2
    assert page.count("aria-live") == 1
    assert 'aria-live="polite">Writing rows</p>' in page
    assert 'aria-current="step"' in page
    assert "<dt>Done</dt><dd>66 %</dd>" in page
    assert "Writes rows: 10 of 30 rows" in page

    finish(running)
    page = desk.get(page_of(running)).content.decode()
    assert "<title>Ready · Orders |" in page
    assert "exportapp/icons/succeeded.svg" in page
    assert "data-export-again" in page and "hx-get" not in page


def test_silence_and_a_redis_that_is_away_are_said(
    desk: Client, running: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportapp.jobs.status.SILENT_BEATS", -1)
    assert "No sign of life from the workers" in desk.get(page_of(running)).content.decode()

    away.OF_ANCHORS.begin()
    page = desk.get(page_of(running)).content.decode()
    assert "Live progress is away" in page
    assert "No sign of life" not in page


def test_the_curve_is_drawn_by_attributes_and_told_in_words(
    desk: Client, asked: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "too little to draw" in desk.get(address("part", asked, "pace")).content.decode()
    monkeypatch.setattr("exportapp.admin.pages.pace", lambda job: [100.0, 300.0, 200.0])

    drawn = desk.get(address("part", asked, "pace")).content.decode()

    assert 'points="0.0,54.0 300.0,2.0 600.0,28.0"' in drawn
    assert "300 rows a second at most" in " ".join(drawn.split())


def test_issues_are_shown_with_their_first_rows_to_who_may_have_them(
    desk: Client, clerk: User, asked: ExportJob, finish: Finish
) -> None:
    finish(asked)
    ExportIssue.objects.bulk_create(
        ExportIssue(
            job=asked,
            shard=1,
            code=code,
            key=f"{number:03}",
            column="note",
            message="cut",
            value=f"<{code} {number}>",
        )
        for code in ("text_cut", "not_finite")
        for number in range(9)
    )
    counts = {"text_cut": 9, "not_finite": 1_234}
    ExportJob.objects.filter(pk=asked.pk).update(issues_counted=counts)

    page = desk.get(page_of(asked)).content.decode()

    assert "1,234 values" in page
    assert page.count("&lt;text_cut") == page.count("&lt;not_finite") == 5
    assert "&lt;text_cut 4&gt;" in page and "&lt;text_cut 5&gt;" not in page

    clerk.user_permissions.clear()
    page = desk.get(page_of(asked)).content.decode()
    assert "1,234 values" in page
    assert "&lt;text_cut" not in page
    assert "no longer have the right to its rows" in page
    assert address("download", asked, 1) not in page


def test_what_failed_says_why_what_to_do_and_more_to_engineers_only(
    desk: Client, running: ExportJob, clerk: User
) -> None:
    gone = {"status": JobState.FAILED, "error": "The columns changed (gone: price)."}
    gone |= {"error_code": "source_changed", "error_snapshot": {"trace": "line 7"}}
    ExportJob.objects.filter(pk=running.pk).update(**gone)
    root = Client()
    root.force_login(make_person("root", is_superuser=True))

    page = desk.get(page_of(running)).content.decode()

    assert "The columns changed (gone: price)." in page
    assert "Press “Start over”" in page
    assert "Start over</button>" in page
    assert "line 7" not in page
    assert "line 7" in root.get(address("part", running, "job")).content.decode()


def test_a_pause_by_others_is_seen_by_the_next_poll(
    desk: Client, clerk: User, running: ExportJob
) -> None:
    url = address("part", running, "job") + "?seen=rendering"
    assert "Pause</button>" not in desk.get(url).content.decode()
    lifecycle.pause(running, user=clerk)
    answer = desk.get(url)
    assert answer["HX-Retarget"] == "closest [data-export-part]"
    assert 'data-export-state="paused"' in answer.content.decode()
