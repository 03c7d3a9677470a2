"""How often, how many and how much: what one person may ask for."""

from __future__ import annotations

import threading

import pytest
from django.db import connections
from django.test import override_settings

from exportapp.exceptions import TooManyRunning
from exportapp.jobs import lifecycle
from exportapp.jobs.away import OF_ANCHORS
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from tests.api.conftest import URL, ask, finished, job_of

AWAY = "redis://127.0.0.1:1/0"


def post(api, **body):
    return api.post(URL, {"source": "shop.Order"} | body, format="json")


def viewer_of(user):
    return Viewer(user=user, language="en", time_zone="UTC")


@pytest.mark.usefixtures("shop")
def test_whoever_asks_too_often_is_told_when_to_come_back(api, person, sign_in, settings):
    export = finished(api)
    settings.EXPORTAPP_API_RATES = {"create": "3/min", "download": "1/min"}

    assert [post(api, search=text).status_code for text in "xyz"] == [201, 201, 429]
    refused = post(api)
    assert (refused.json()["code"], refused["Content-Type"]) == (
        "throttled",
        "application/problem+json",
    )
    assert 0 < int(refused["Retry-After"]) <= 60
    assert not ExportJob.objects.filter(selection__query__q=["z"]).exists()
    assert post(sign_in(person("ben"))).status_code == 201, "each person has a count of their own"
    downloads = [api.get(export["links"]["download"]) for _ in range(2)]
    assert [answer.status_code for answer in downloads] == [200, 429]
    downloads[0].close()
    assert api.get(URL).status_code == 200, "looking is not limited"


def test_a_rate_of_none_is_no_limit(api, settings):
    settings.EXPORTAPP_API_RATES = {"create": None}
    assert {post(api).status_code for _ in range(70)} == {201, 200}


def test_without_redis_nobody_is_throttled_and_an_export_is_created(api, settings):
    caches = {"default": settings.CACHES["default"] | {"LOCATION": AWAY}}
    with override_settings(CACHES=caches, EXPORTAPP_API_RATES={"create": "1/min"}):
        answers = [post(api, search=text) for text in "xy"]
        OF_ANCHORS.end()
        answers.append(post(api, search="z"))
    assert [answer.status_code for answer in answers] == [201, 201, 201]


def test_one_more_running_export_than_a_person_may_have_is_refused(api, person, sign_in, settings):
    settings.EXPORTAPP_RUNNING_PER_PERSON = 2
    first, _second = ask(api, search="1"), ask(api, search="2")
    refused = post(api, search="3")

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_running")
    assert "2 exports of yours are under way" in refused.json()["detail"]
    assert int(refused["Retry-After"]) > 0
    assert ExportJob.objects.count() == 2
    assert post(api, search="1").json()["id"] == first["id"], "an equal request is no new one"
    assert post(sign_in(person("ben")), search="3").status_code == 201
    lifecycle.cancel(job_of(first))
    assert post(api, search="3").status_code == 201
    again = api.post(f"{first['links']['self']}resume/")
    assert (again.status_code, again.json()["code"]) == (429, "too_many_running")
    assert job_of(first).status == "cancelled"


def test_an_operator_and_none_have_no_limit(db, person, settings):
    settings.EXPORTAPP_RUNNING_PER_PERSON = 1
    for _ in range(2):
        lifecycle.create(
            Selection(source="shop.Order", query={"q": [str(_)]}), viewer_of(Operator())
        )
    settings.EXPORTAPP_RUNNING_PER_PERSON = None
    for _ in range(2):
        ann = viewer_of(person(f"ann {_}"))
        lifecycle.create(Selection(source="shop.Order", query={"q": [str(_)]}), ann)


def test_nobody_slips_past_by_asking_several_times_at_once(transactional_db, person, settings):
    settings.EXPORTAPP_RUNNING_PER_PERSON = 2
    ann = person("ann")
    refused = []

    def ask_for(number):
        try:
            query = {"q": [str(number)]}
            lifecycle.create(Selection(source="shop.Order", query=query), viewer_of(ann))
        except TooManyRunning as error:
            refused.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask_for, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (ExportJob.objects.active().count(), len(refused)) == (2, 4)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"filters": {"number__foo": "x"}}, "Valid operators: contain"),
        ({"filters": {"number__gte__lt": "x"}}, "Valid operators: contain"),
        ({"filters": {"created_at__gte": "soon"}}, "'created_at__gte=soon' cannot be used"),
        ({"keys": [10**30]}, "is not a key of shop.Order"),
    ],
)
def test_a_filter_that_cannot_be_used_says_what_can(api, asked, words):
    answer = post(api, **asked)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_refused")
    assert words in answer.json()["detail"]
    assert not ExportJob.objects.exists()
