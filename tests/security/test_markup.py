"""Texts of people, of data and of errors are texts on every page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse

from exportapp.jobs.journal import Happened, record
from exportapp.models import ExportFile, ExportIssue, ExportJob, ExportPreset
from exportapp.states import JobState
from project.shop.models import Order
from tests.gallery.exports import PaidOrders
from tests.security.conftest import API, JOBS, asked_by, browser_of, make_clerk, make_person

MARK = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{71717|add:1}}"
BAD = re.compile(r"<img src=x|<script>alert|onerror=alert\(1\)>|71718")


@pytest.fixture
def villain(db):
    """Her name is what she tries."""
    user = make_clerk(MARK[:150])
    user.first_name = user.last_name = MARK[:60]
    user.save()
    return user


@pytest.fixture
def job(villain):
    """Every text of it is hostile."""
    job = asked_by(villain)
    ExportFile.objects.create(
        job=job, number=1, path="x", filename=MARK, size=1, sha256=MARK[:64], rows=1,
        sheets=[[MARK, 1]],
    )  # fmt: skip
    ExportFile.objects.create(
        job=job, number=2, path="x", filename=MARK, size=1, sha256=MARK[:64], rows=1, sheets=[]
    )
    ExportIssue.objects.create(
        job=job, shard=1, layer="semantic", code=MARK[:50], key=MARK, column=MARK, message=MARK,
        value=MARK, spec_fingerprint="",
    )  # fmt: skip
    record(job, Happened.FAILED, MARK, worker=MARK, user=villain, about=MARK, after=MARK)
    record(job, Happened.WAITING, MARK, worker=MARK, after=MARK)
    ExportJob.objects.update(
        error=MARK,
        error_code=MARK[:40],
        error_snapshot={"error": {"message": MARK}, MARK: MARK},
        waiting_for=MARK,
        issues_counted={MARK[:50]: 3},
        filename=MARK,
        manifest=json.dumps({"name": MARK}),
        selection=job.selection | {"query": {"q": [MARK], MARK: [MARK]}},
    )
    job.refresh_from_db()
    return job


def is_clean(response):
    assert response.status_code == 200
    shown = response.content.decode()
    kind = response["Content-Type"]
    # As JSON a browser shows it as text: nosniff.
    assert kind.startswith("text/html") or kind.startswith("application/"), kind
    return kind.startswith("application/") or not BAD.search(shown)


def test_no_state_of_an_export_shows_markup(job, villain, subtests):
    hers, roots = browser_of(villain), browser_of(make_person("root", is_superuser=True))
    for state in JobState.values:
        with subtests.test(state):
            ExportJob.objects.update(status=state)
            for part in ("job", "row", "events"):
                assert is_clean(hers.get(f"{JOBS}{job.pk}/part/{part}/?seen={state}"))
                assert is_clean(hers.get(f"{JOBS}{job.pk}/part/{part}/?seen={MARK}"))
            page = roots.get(f"{JOBS}{job.pk}/change/")
            assert is_clean(page)
            assert "&lt;img src=x" in page.content.decode()
            assert is_clean(roots.get(JOBS))


def test_parameters_and_sources_show_no_markup(job, villain, monkeypatch):
    monkeypatch.setattr(PaidOrders, "title", MARK)
    monkeypatch.setattr(PaidOrders, "description", MARK)
    monkeypatch.setattr(PaidOrders, "columns", (*PaidOrders.columns[:1],))
    monkeypatch.setattr(Order._meta, "verbose_name", MARK)
    monkeypatch.setattr(Order._meta, "verbose_name_plural", MARK)
    selection = job.selection | {"parameters": {MARK: MARK}, "query": {}}
    ExportJob.objects.update(selection=selection, source="paid-orders")
    for shared in (False, True):
        ExportPreset.objects.create(
            owner=villain, name=f"{MARK[:80]}{shared}", source="shop.Order", shared=shared,
            selection=job.selection, policy="", options={},
        )  # fmt: skip
    preset = ExportPreset.objects.first()
    client = browser_of(villain)
    for page in (
        f"{JOBS}{job.pk}/change/",
        JOBS,
        f"{JOBS}new/",
        f"{JOBS}new/paid-orders/",
        f"{JOBS}new/shop.Order/",
        f"{JOBS}new/shop.Order/?preset={preset.pk}",
        "/admin/shop/order/",
        f"/admin/shop/order/?q={MARK}",
    ):
        assert is_clean(client.get(page)), page


def test_refusals_show_no_markup(job, villain):
    client = browser_of(villain)
    followed = client.post(f"/admin/shop/order/export-to-excel/?{MARK}=1", follow=True)
    assert is_clean(followed)
    assert "&lt;img" in followed.content.decode()
    form = {"save": "1", "preset_name": MARK, "columns": MARK, "policy": MARK, "format": MARK}
    assert is_clean(client.post(f"{JOBS}new/shop.Order/", form))
    done = client.post(f"{JOBS}new/shop.Order/", {"save": "1", "preset_name": MARK}, follow=True)
    assert is_clean(done)
    ExportJob.objects.update(status="succeeded")
    for htmx in ({}, {"HX-Request": "true"}):
        deed = reverse("admin:exportapp_exportjob_do", args=[job.pk, "pause"])
        assert is_clean(client.post(deed, {"part": "job"}, headers=htmx, follow=True))


def test_the_rest_face_is_no_page(job, villain):
    client = browser_of(villain)
    for address in (API, f"{API}{job.pk}/", f"{API}{job.pk}/issues/", f"{API}presets/"):
        response = client.get(address, headers={"Accept": "text/html"})
        assert response["Content-Type"] == "application/json"
        assert response["X-Content-Type-Options"] == "nosniff"


def test_no_template_of_ours_turns_escaping_off():
    folder = Path(settings.TEMPLATES[0]["DIRS"][0])
    texts = {path: path.read_text() for path in folder.rglob("*.html")}
    assert get_template("exportapp/job.html") and len(texts) > 20
    for path, text in texts.items():
        assert not re.search(r"\|\s*safe\b|autoescape off|\|\s*safeseq\b", text), path
        # A strict Content-Security-Policy holds: nothing of ours is written into a page.
        assert not re.search(r"<style|\bstyle=|\son\w+=\"|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
