"""An export as it is shown, and what can be done with it in each state."""

from __future__ import annotations

from datetime import datetime

import pytest

from exportapp.jobs import lifecycle
from exportapp.models import ExportIssue, ExportJob
from exportapp.states import JobState
from tests.api.conftest import URL, ask, finished, job_of

DEEDS = ("pause", "resume", "cancel", "discard")


def put(export, state):
    ExportJob.objects.filter(pk=export["id"]).update(status=state)


def test_a_new_export_has_done_nothing_yet(api):
    export = ask(api)

    assert export["progress"] == {
        "percent": 0,
        "rows_done": 0,
        "rows_total": 0,
        "rows_extracted": 0,
        "rows_rendered": 0,
        "shards_done": 0,
        "shards_total": 0,
        "bytes": 0,
        "rate": 0.0,
        "seconds_left": None,
        "live": True,
    }
    assert (export["files"], export["issues"]) == ([], {})
    assert (export["started_at"], export["finished_at"], export["expires_at"]) == (None,) * 3


@pytest.mark.usefixtures("shop")
def test_a_finished_export_has_counted_every_row(api, settings):
    settings.EXPORTAPP_SHARD_ROWS = 10
    export = finished(api)
    progress = export["progress"]

    assert (progress["percent"], progress["seconds_left"], progress["live"]) == (100, None, False)
    rows = ("rows_done", "rows_total", "rows_extracted", "rows_rendered")
    assert [progress[name] for name in rows] == [25] * 4
    assert (progress["shards_done"], progress["shards_total"]) == (3, 3)
    assert progress["bytes"] > 0
    assert progress["rate"] > 0
    times = [datetime.fromisoformat(export[f"{n}_at"]) for n in ("created", "started", "finished")]
    assert times == sorted(times)
    assert datetime.fromisoformat(export["expires_at"]) > times[-1]


@pytest.mark.usefixtures("shop")
def test_a_finished_export_lists_its_files(api):
    export = finished(api)

    assert len(export["files"]) == 1
    file = export["files"][0]
    assert (file["number"], file["filename"], file["rows"]) == (1, "orders.xlsx", 25)
    assert [sheet["rows"] for sheet in file["sheets"]] == [25]
    assert file["url"] == f"{export['links']['download']}?file=1"
    assert (file["size"] > 0, len(file["sha256"])) == (True, 64)


def test_a_failed_export_says_why(api):
    export = ask(api)
    why = {"error_code": "source_changed", "error": "The columns changed."}
    ExportJob.objects.filter(pk=export["id"]).update(status=JobState.FAILED, **why)

    shown = api.get(export["links"]["self"]).json()
    assert shown["error"] == {"code": "source_changed", "message": "The columns changed."}


def test_the_state_is_labelled_in_the_language_of_the_request(api):
    export = ask(api)
    shown = api.get(export["links"]["self"], headers={"Accept-Language": "en"}).json()
    assert (shown["state"], shown["state_label"]) == (JobState.QUEUED, "Queued")


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_is_linked_in_exactly_the_states_in_which_it_is_done(api, deed):
    export = ask(api)
    for state in JobState:
        put(export, state)
        link = api.get(export["links"]["self"]).json()["links"][deed]
        response = api.post(f"{export['links']['self']}{deed}/")
        assert response.status_code == (200 if link else 409), state
        if not link:
            assert response.json()["code"] == "illegal_transition"
            assert response["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("shop")
def test_a_download_is_linked_only_while_the_file_is_there(api):
    export = finished(api)
    for state in JobState:
        put(export, state)
        shown = api.get(export["links"]["self"]).json()
        assert bool(shown["links"]["download"]) == (state == JobState.SUCCEEDED)
        assert bool(shown["files"][0]["url"]) == (state == JobState.SUCCEEDED)


def test_pause_and_resume_answer_with_the_export_as_it_is_then(api):
    export = ask(api)

    paused = api.post(export["links"]["pause"]).json()
    assert (paused["id"], paused["state"]) == (export["id"], JobState.PAUSED)
    resumed = api.post(paused["links"]["resume"]).json()
    assert (resumed["state"], resumed["links"]["resume"]) == (JobState.QUEUED, None)


def test_who_did_it_is_on_record(api):
    export = ask(api)
    api.post(export["links"]["cancel"])
    assert job_of(export).events.filter(message="asked to cancel", user__username="ann").exists()


def test_resuming_beside_an_equal_export_is_a_conflict(api):
    first = ask(api)
    lifecycle.cancel(job_of(first))
    ask(api)

    response = api.post(f"{first['links']['self']}resume/")
    assert (response.status_code, response.json()["code"]) == (409, "illegal_transition")
    assert "already running" in response.json()["detail"]


def test_the_list_goes_by_pages_that_hold_still_newest_first(api):
    made = [ask(api, search=str(number))["id"] for number in range(3)]
    first = api.get(URL, {"page_size": 2}).json()
    ask(api, search="later")
    second = api.get(first["next"]).json()

    assert (first["previous"], second["next"]) == (None, None)
    pages = first["results"] + second["results"]
    assert [export["id"] for export in pages] == made[::-1]
    assert api.get(second["previous"]).json()["results"] == first["results"]


def found(api, **query):
    return [export["id"] for export in api.get(URL, query).json()["results"]]


def test_the_list_is_narrowed_by_state_source_and_time(api):
    paused, queued = ask(api), ask(api, search="1")
    api.post(paused["links"]["pause"])
    ids = [queued["id"], paused["id"]]
    ExportJob.objects.filter(pk=queued["id"]).update(source="price-list")

    assert found(api, state="paused") == [paused["id"]]
    assert found(api, state=["paused", "queued"]) == ids
    assert found(api, state="failed") == []
    assert found(api, source="shop.order") == [paused["id"]]
    assert found(api, source=["shop.Order", "price-list"]) == ids
    assert found(api, created_after=queued["created_at"]) == [queued["id"]]
    assert found(api, created_before=queued["created_at"]) == [paused["id"]]


def test_a_query_that_nobody_reads_is_refused_with_those_that_are_read(api):
    errors = api.get(URL, {"stat": "paused"}).json()["errors"]

    assert "Did you mean 'state'? Valid: cursor, page_size, state, source" in str(errors["stat"])
    for name in ("events", "issues", "download"):
        response = api.get(f"{ask(api)['links']['self']}{name}/", {"stat": "paused"})
        assert (response.status_code, response.json()["code"]) == (400, "invalid"), name


def test_events_say_what_happened_and_whose_deed_it_was(api):
    export = ask(api)
    api.post(export["links"]["cancel"])
    events = api.get(export["links"]["events"], {"page_size": 2}).json()
    rest = api.get(events["next"]).json()["results"]

    told = [(event["kind"], event["by"]) for event in events["results"] + rest]
    assert (told[0], told[-2:]) == (("asked", "ann"), [("moved", "ann"), ("moved", None)])
    assert {"id", "at", "kind", "by", "message", "shard", "worker"} == rest[0].keys()
    assert export["links"]["events_stream"] == f"{export['links']['events']}stream/"


@pytest.mark.usefixtures("shop")
def test_issues_are_counted_by_code_and_listed_in_order(api):
    export = finished(api)
    ExportJob.objects.filter(pk=export["id"]).update(issues_counted={"not_finite": 1, "cut": 1})
    found = [{"code": code, "column": "note", "key": "7"} for code in ("not_finite", "cut")]
    for issue in found:
        ExportIssue.objects.create(
            job_id=export["id"], shard=0, layer="semantic", message="…", value="nan", **issue
        )
    listed = api.get(f"{export['links']['self']}issues/").json()

    assert api.get(export["links"]["self"]).json()["issues"] == {"not_finite": 1, "cut": 1}
    assert listed["next"] is None
    assert [{name: row[name] for name in found[0]} for row in listed["results"]] == found
    assert listed["results"][0]["value"] == "nan"


def test_an_export_that_has_ended_is_started_over_as_a_new_one(api):
    export = ask(api)
    path = f"{URL}{export['id']}/start-over/"
    assert (api.post(path).status_code, export["links"]["start_over"]) == (409, None)
    put(export, JobState.CANCELLED)
    assert api.get(export["links"]["self"]).json()["links"]["start_over"].endswith(path)

    answer = api.post(path)

    assert answer.status_code == 201
    assert answer.json()["id"] != export["id"]
    assert api.post(path).json()["id"] == answer.json()["id"], "a double click makes one"
