"""POST /api/exports/: what may be asked for, and when it is the same request again."""

from __future__ import annotations

from datetime import timedelta

import django_rq
import pytest
import rq
from django.db.models.functions import Now
from redis import Redis

from exportapp.jobs import wakeups
from exportapp.jobs.reconcile import reconcile
from exportapp.models import ExportEvent, ExportJob
from exportapp.states import JobState
from project.shop.models import Order
from tests.api.conftest import URL, ask, finished, job_of, worked
from tests.api.workbooks import downloaded_rows


def test_a_new_export_is_created_and_says_where_it_is(api):
    response = api.post(URL, {"source": "shop.order"}, format="json")
    export = response.json()

    assert response.status_code == 201
    assert response["Location"] == export["links"]["self"]
    assert api.get(response["Location"]).json()["id"] == export["id"]
    assert export["source"] == "shop.Order"
    assert export["state"] == JobState.QUEUED
    assert export["error"] is None


def test_the_same_request_finds_the_export_under_way(api):
    first = api.post(URL, {"source": "shop.Order", "search": "1"}, format="json")
    again = api.post(URL, {"source": "shop.Order", "search": "1"}, format="json")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert ExportJob.objects.count() == 1


def test_another_filter_is_another_request(api):
    assert ask(api)["id"] != ask(api, filters={"status": "paid"})["id"]


@pytest.mark.usefixtures("shop")
def test_after_its_end_the_same_request_makes_a_new_export(api):
    assert finished(api)["id"] != ask(api)["id"]


@pytest.mark.usefixtures("shop")
def test_with_the_same_key_the_finished_export_is_answered(api):
    key = {"Idempotency-Key": "monthly-2025-01"}
    first = api.post(URL, {"source": "shop.Order"}, format="json", headers=key)
    worked(api, first.json())
    again = api.post(URL, {"source": "shop.Order"}, format="json", headers=key)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["state"] == JobState.SUCCEEDED


def test_another_key_makes_another_export_of_the_same_rows(api):
    answers = [
        api.post(URL, {"source": "shop.Order"}, format="json", headers={"Idempotency-Key": key})
        for key in ("one", "two")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]


def test_a_key_is_its_owners_alone(api, person, sign_in):
    other = sign_in(person("ben"))
    answers = [
        client.post(URL, {"source": "shop.Order"}, format="json", headers={"Idempotency-Key": "k"})
        for client in (api, other)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"filters": {"status": "paid"}}, {"status__in": ["paid"]}),
        ({"filters": {"status__in": ["paid", "new"]}}, {"status__in": ["paid", "new"]}),
        ({"filters": {"gift": False, "id__gt": 5}}, {"gift": False, "id__gt": 5}),
        ({"filters": {"note__isnull": True}}, {"note__isnull": True}),
        ({"search": "SO-00000007"}, {"number": "SO-00000007"}),
        ({"keys": [3, "4"]}, {"pk__in": [3, 4]}),
    ],
)
def test_what_is_asked_for_is_what_the_file_holds(api, asked, expected):
    export = finished(api, columns=["number", "id"], order=["-number"], **asked)
    orders = Order.objects.filter(**expected).order_by("-number")

    assert downloaded_rows(api, export) == [("Number", "ID"), *orders.values_list("number", "id")]
    assert orders.count() not in {0, 25}


def test_the_policy_for_bad_values_is_kept_with_the_job(api):
    assert job_of(ask(api, policy="skip")).policy == "skip"


def test_the_language_and_the_time_zone_are_those_of_the_request(api):
    response = api.post(
        URL, {"source": "shop.Order"}, format="json", headers={"Accept-Language": "de"}
    )
    job = job_of(response.json())
    assert (job.language, job.time_zone) == ("de", "UTC")


@pytest.mark.parametrize(
    ("body", "member", "words"),
    [
        ({}, "source", "required"),
        ({"source": "shop.Order", "filter": {}}, "filter", "Did you mean 'filters'? Valid: source"),
        ({"source": "shop.Order", "columns": []}, "columns", "empty"),
        ({"source": "shop.Order", "filters": {"status__in": []}}, "filters", "empty"),
        ({"source": "shop.Order", "filters": {"status": None}}, "filters", "null"),
        ({"source": "shop.Order", "filters": {"status": {"a": 1}}}, "filters", "valid string"),
        ({"source": "shop.Order", "policy": "ignore"}, "policy", "not a valid choice"),
        ([], "non_field_errors", "dictionary"),
    ],
)
def test_a_wrong_body_is_refused_by_the_member_that_is_wrong(api, body, member, words):
    response = api.post(URL, body, format="json")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid"
    assert list(response.json()["errors"]) == [member]
    assert words in str(response.json()["errors"][member])
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize(
    ("asked", "named", "valid"),
    [
        ({"columns": ["numbr"]}, "column 'numbr'", "number"),
        ({"order": ["-numbr"]}, "order 'numbr'", "number"),
        ({"filters": {"colour": "red"}}, "filter 'colour'", "status"),
        ({"source": "shop.Ordr"}, "model 'shop.Ordr'", "shop.Order"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_known(api, asked, named, valid):
    response = api.post(URL, {"source": "shop.Order"} | asked, format="json")
    problem = response.json()

    assert (response.status_code, problem["code"]) == (400, "unknown_name")
    assert named in problem["detail"]
    assert valid in problem["valid"]
    assert not ExportJob.objects.exists()


def test_who_asks_says_how_they_are_told_of_the_end(api):
    assert job_of(ask(api)).notify == ["message"]
    assert job_of(ask(api, notify=[], order=["number"])).notify == []
    refused = api.post(URL, {"source": "shop.Order", "notify": ["fax"]}, format="json")
    assert refused.status_code == 400
    assert "Unknown channel 'fax'" in refused.json()["detail"]


@pytest.mark.usefixtures("shop")
def test_an_export_is_never_promised_in_vain(api, monkeypatch):
    queue = django_rq.get_queue("exports")
    nowhere = rq.Queue("exports", connection=Redis(port=1, retry=None))
    with monkeypatch.context() as away:
        away.setattr(wakeups, "open_queue", lambda: nowhere)
        export = ask(api)
    assert (export["state"], queue.count) == ("queued", 0), "nobody could be woken"

    past = Now() - timedelta(minutes=5)
    ExportEvent.objects.update(at=past)
    ExportJob.objects.update(woken_at=past)
    reconcile()
    assert [found.args[0] for found in queue.jobs] == [export["id"]]
