"""Looking at an export again and again costs little, and says when to come back."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis

from exportapp.models import ExportJob
from exportapp.states import ACTIVE, JobState
from tests.api.conftest import URL, ask, finished


def look(api, export, **headers):
    return api.get(export["links"]["self"], headers=headers)


@pytest.fixture
def redis_calls(monkeypatch):
    """The commands that are sent to Redis, whatever the client."""
    calls = []
    send = Redis.execute_command

    def execute_command(self, *args, **options):
        calls.append(args)
        return send(self, *args, **options)

    monkeypatch.setattr(Redis, "execute_command", execute_command)
    return calls


def test_what_has_not_changed_is_not_sent_again(api, redis_calls):
    export = ask(api)
    first = look(api, export)
    redis_calls.clear()
    again = look(api, export, **{"If-None-Match": first["ETag"]})

    assert first["ETag"].startswith('W/"')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"] == "private, no-cache"
    assert again["Retry-After"] == first["Retry-After"] == "2"
    assert len(redis_calls) == 1


@pytest.mark.usefixtures("shop")
def test_a_poll_asks_the_database_once_and_the_full_answer_for_what_it_has(api):
    """Besides the two queries for the session and its person."""

    def statements(export, **headers):
        with CaptureQueriesContext(connection) as captured:
            answer = look(api, export, **headers)
        tables = [re.findall(r'FROM "(\w+)"', query["sql"])[-1] for query in captured]
        assert tables[:2] == ["django_session", "auth_user"]
        return answer, tables[2:]

    names = ("job", "shard", "event", "file")
    job, shards, events, files = (f"exportapp_export{name}" for name in names)
    paused = ask(api, search="tin")
    api.post(paused["links"]["pause"])
    for export, known, more in (
        (ask(api, search="lamp"), [job], []),
        (paused, [job, shards], []),
        (finished(api), [job], [shards, events, files]),
    ):
        answer, full = statements(export)
        again, asked = statements(export, **{"If-None-Match": answer["ETag"]})

        assert (answer.status_code, again.status_code) == (200, 304)
        assert (asked, full) == (known, known + more)


@pytest.mark.usefixtures("shop")
def test_an_etag_stands_for_the_state_the_figures_the_files_and_the_language(api):
    export = ask(api)
    tags = {look(api, export)["ETag"]}
    job = ExportJob.objects.filter(pk=export["id"])

    job.update(waiting_for="The database is busy.")
    tags.add(look(api, export)["ETag"])
    tags.add(look(api, export, **{"Accept-Language": "de"})["ETag"])
    assert api.post(export["links"]["cancel"]).status_code == 200
    tags.add(look(api, export)["ETag"])
    job.update(issues_counted={"cut": 1})
    tags.add(look(api, export)["ETag"])
    done = finished(api)
    tags.add(look(api, done)["ETag"])
    assert len(tags) == 6

    seen = look(api, done)
    for known in (seen["ETag"], seen["ETag"][2:], f'"other", {seen["ETag"]}', "*"):
        assert look(api, done, **{"If-None-Match": known}).status_code == 304, known
    assert look(api, done, **{"If-None-Match": '"other"'}).status_code == 200


def test_when_to_look_again_is_said_while_the_export_runs(api):
    export = ask(api)
    for state in JobState:
        ExportJob.objects.filter(pk=export["id"]).update(status=state)
        answer = look(api, export)
        assert ("Retry-After" in answer) == (state in ACTIVE), state


def test_asking_for_the_file_too_early_is_answered_with_the_progress(api):
    export = ask(api)
    early = api.get(f"{export['links']['self']}download/")
    api.post(export["links"]["cancel"])
    late = api.get(f"{export['links']['self']}download/")

    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
    assert early.json()["progress"].keys() == export["progress"].keys()
    assert early["Retry-After"] == "2"
    assert late.status_code == 409
    assert "progress" not in late.json()


def test_answers_are_kept_by_nobody_else(api):
    for address in (URL, f"{URL}presets/", f"{URL}sources/", f"{URL}nowhere/"):
        assert api.get(address)["Cache-Control"] == "private, no-cache", address
