"""Requests that a foreign page makes a browser send, and answers that would lead to one."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from exportapp.jobs import presets
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables.selection import Selection
from tests.security import matrix
from tests.security.conftest import API, JOBS, asked_by, seen_by

EVIL = "https://evil.example"


@pytest.fixture
def victim(clerk):
    """A signed-in browser as it is: the token is asked for."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(clerk)
    return client


@pytest.fixture
def job(clerk):
    return asked_by(clerk)


@pytest.fixture
def preset(clerk):
    return presets.save(seen_by(clerk), "mine", Selection(source="shop.Order"))


def addresses(job, preset):
    """Every address of ours, each once."""
    return {name: matrix.address(name, job, preset) for name in sorted(matrix.ours())}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_method_that_changes_anything_does_without_the_token(method, victim, job, preset):
    for name, address in addresses(job, preset).items():
        sent = getattr(victim, method)(address, data="{}", content_type="application/json")
        assert sent.status_code in {403, 404, 405}, name
        if name.startswith(matrix.REST) and sent.status_code == 403:
            assert "CSRF" in sent.json()["detail"]
    job.refresh_from_db()
    assert job.status == "queued"
    assert (ExportJob.objects.count(), ExportPreset.objects.count()) == (1, 1)


def test_a_token_is_not_taken_from_another_origin(victim, job):
    page = victim.get(f"{JOBS}{job.pk}/change/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    form = {"csrfmiddlewaretoken": token}
    deed = f"{JOBS}{job.pk}/do/pause/"

    assert victim.post(deed, form, headers={"Origin": EVIL}).status_code == 403
    assert victim.post(deed, form, headers={"Origin": "null"}).status_code == 403
    assert victim.post(deed, form, headers={"Origin": "http://testserver"}).status_code == 302


def test_looking_changes_nothing(desk, job, preset):
    for address in addresses(job, preset).values():
        for method in (desk.get, desk.head, desk.options):
            method(address)
    job.refresh_from_db()
    assert job.status == "queued"
    assert (ExportJob.objects.count(), ExportPreset.objects.count()) == (1, 1)


def test_every_form_has_the_token(desk, job, preset):
    pages = [JOBS, f"{JOBS}{job.pk}/change/", f"{JOBS}new/", f"{JOBS}new/shop.Order/"]
    for page in (*pages, "/admin/shop/order/"):
        shown = desk.get(page).content.decode()
        forms = re.findall(r'<form[^>]*method="post".*?</form>', shown, re.S | re.I)
        assert forms or page == JOBS
        assert all("csrfmiddlewaretoken" in form for form in forms), page


REFERERS = (
    f"{EVIL}/",
    "//evil.example/",
    "///evil.example/",
    "\\\\evil.example/",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "http://evil.example\\@testserver/",
    "http://testserver:80@evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "http:///evil.example/",
    "http:evil.example",
)


@pytest.mark.parametrize("referer", REFERERS)
def test_a_button_leads_back_to_no_foreign_page(referer, desk, job):
    headers = {"Referer": referer, "HX-Current-URL": referer, "X-Forwarded-Host": "evil.example"}
    answer = desk.post(f"{JOBS}{job.pk}/do/pause/?next={referer}", headers=headers)

    assert answer["Location"] == f"{JOBS}{job.pk}/change/"
    live = desk.get(
        f"{JOBS}{job.pk}/part/job/?seen={referer}", headers=headers | {"HX-Request": "true"}
    )
    assert "evil" not in str(live.headers) + live.content.decode()


def test_a_button_leads_back_to_the_page_it_was_on(desk, job):
    came_from = f"http://testserver{JOBS}?status__exact=queued"
    answer = desk.post(f"{JOBS}{job.pk}/do/pause/", headers={"Referer": came_from})
    assert answer["Location"] == came_from


@pytest.mark.parametrize("name", ["next", "REDIRECT_FIELD_NAME"])
@pytest.mark.parametrize("target", [f"{EVIL}/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_foreign_page(name, target, clerk):
    clerk.set_password("secret")
    clerk.save()
    form = {"username": "ann", "password": "secret", name: target}
    answer = Client().post(f"/admin/login/?{name}={target}", form)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/") and "evil" not in answer["Location"]


def test_an_address_is_not_made_of_a_foreign_host(desk, job):
    foreign = desk.get(f"{API}{job.pk}/", headers={"Host": "evil.example"})
    forwarded = desk.get(f"{API}{job.pk}/", headers={"X-Forwarded-Host": "evil.example"})
    assert foreign.status_code == 400
    assert "evil" not in forwarded.content.decode()
