"""Every address, every kind of person, every state of an export."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.urls import reverse

from exportapp.jobs import presets
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.states import JobState
from exportapp.tables.selection import Selection
from project.shop.loading import seed_shop
from tests.security import matrix
from tests.security.conftest import asked_by, browser_of, make_clerk, make_person, seen_by

BODY = {"source": "shop.Order", "search": "other"}
PRESET = {"source": "shop.Order", "name": "another"}


@pytest.fixture
def people(clerk):
    """Their browsers."""
    users = {
        "anonymous": None,
        "visitor": make_person("vic", is_staff=False),
        "staff": make_person("sue"),
        "other": make_clerk("ben"),
        "owner": clerk,
        "lost": clerk,
        "root": make_person("root", is_superuser=True),
    }
    return {who: browser_of(user) for who, user in users.items()}


@pytest.fixture
def job(clerk):
    """A finished export of three orders."""
    seed_shop(3, seed=1)
    job = asked_by(clerk)
    work(job.pk)
    job.refresh_from_db()
    assert job.can_download, job.error
    return job


@pytest.fixture
def preset(clerk):
    return presets.save(seen_by(clerk), "mine", Selection(source="shop.Order"))


def ask(people, who, method, address, *, state, job):
    """The response, and the job's state behind it; then everything is as it was before."""
    with transaction.atomic():
        kept = {} if state in {"succeeded", "expired"} else {"manifest": ""}
        ExportJob.objects.filter(pk=job.pk).update(status=state, **kept)
        if who == "lost":
            job.requested_by.user_permissions.remove(
                Permission.objects.get(codename="export_order")
            )
        sent = {}
        if method in {"POST", "PUT"} and address.startswith("/api/"):
            body = PRESET if "presets" in address else {} if "/link/" in address else BODY
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        response = getattr(people[who], method.lower())(address, **sent)
        if response.streaming:
            assert b"".join(response) or method == "HEAD"
        job.refresh_from_db()
        now = job.status
        transaction.set_rollback(True)
    return response, now


def test_every_route_has_its_row():
    assert matrix.ours() == set(matrix.ANSWERS)


@pytest.mark.parametrize("table", ["ANSWERS", "CHANGES", "REMOVALS"])
def test_everybody_gets_the_answer_of_the_table(table, people, job, preset):
    found, expected = {}, {}
    for name, (method, answers) in getattr(matrix, table).items():
        deed = name.rpartition("-")[2]
        state = "queued" if name.endswith("_do") else matrix.BEFORE.get(deed, "succeeded")
        address = matrix.address(name, job, preset)
        expected[name] = dict(zip(matrix.PEOPLE, answers, strict=True))
        asked = {
            who: ask(people, who, method, address, state=state, job=job)[0] for who in matrix.PEOPLE
        }
        found[name] = {who: response.status_code for who, response in asked.items()}
        for who, response in asked.items():
            leads_to_login = "/login/" in response.headers.get("Location", "")
            assert leads_to_login == (found[name][who] == 302 and who in {"anonymous", "visitor"})
    wrong = {
        name: (people, expected[name]) for name, people in found.items() if people != expected[name]
    }
    assert wrong == {}, str(wrong)


@pytest.mark.parametrize("deed", matrix.STATES)
def test_every_state_says_what_may_be_done(deed, people, job, preset):
    is_file = deed in {"download", "link", "manifest"}
    rest = reverse(f"{matrix.REST}export-{deed.replace('_', '-')}", args=[job.pk])
    admin = matrix.address(f"{matrix.JOB}{deed if is_file else 'do'}", job, preset)
    admin = admin.replace("/do/cancel/", f"/do/{deed}/")
    method = "GET" if deed in {"download", "manifest"} else "POST"
    for state in JobState.values:
        fits = state in matrix.STATES[deed]
        refused = 410 if deed in {"download", "link"} and state == "expired" else 409
        for who in ("other", "owner"):
            by_rest, after_rest = ask(people, who, method, rest, state=state, job=job)
            by_admin, after_admin = ask(people, who, method, admin, state=state, job=job)
            answers = (by_rest.status_code, by_admin.status_code)
            right = 201 if deed in {"link", "start_over"} else 200
            page = (200 if fits else refused) if is_file else 302
            expected = (404, 404) if who == "other" else (right if fits else refused, page)
            assert answers == expected, (deed, state, who)
            stays = is_file or deed == "start_over" or not fits or who == "other"
            assert [after == state for after in (after_rest, after_admin)] == [stays, stays]


def test_a_list_shows_nothing_of_somebody_elses(people, job, preset):
    for who in ("visitor", "staff", "other"):
        client = people[who]
        for page in (f"{matrix.REST}export-list", f"{matrix.REST}preset-list"):
            assert client.get(reverse(page)).json()["results"] == []
        for page in (f"{matrix.JOB}changelist", f"{matrix.JOB}new"):
            shown = client.get(reverse(page)).content.decode()
            assert str(job.pk) not in shown
            assert "mine" not in shown


def test_an_action_on_somebody_elses_export_does_nothing(people, job):
    ExportJob.objects.update(status="queued")
    for action in ("pause_selected", "resume_selected", "cancel_selected"):
        form = {"action": action, "_selected_action": str(job.pk)}
        people["other"].post("/admin/exportapp/exportjob/", form)
        job.refresh_from_db()
        assert job.status == "queued"


def test_no_address_gives_a_file_as_it_is_on_disk(people, job):
    file = job.files.get()
    for path in (file.path, f"exports/{file.path}", f"media/{file.path}", f"static/{file.path}"):
        for start in ("/", "/admin/", "/static/../", "/api/exports/"):
            response = people["root"].get(f"{start}{path}")
            assert response.status_code in {301, 302, 404}, path
            assert not response.streaming
