"""What logs, events, snapshots of errors and error pages do not tell."""

from __future__ import annotations

import json
import logging

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client

from exportapp.jobs import work as working
from exportapp.jobs.journal import Happened, Line, record
from exportapp.jobs.redaction import on_one_line
from exportapp.jobs.work import work
from exportapp.models import ExportEvent, ExportJob
from project.shop.models import Order
from tests.security.conftest import API, JOBS, asked_by, browser_of

LINES = (
    'x\r\n2026-01-01 INFO exportapp: {"event": "succeeded"}',
    "\x1b[2J\x1b[31mred",
    '", "event": "succeeded", "x": "',
    "\u2028\u2029\x85next",
    "\u202eright to left",
    "\0",
)


@pytest.mark.parametrize("text", LINES)
def test_a_text_begins_no_line_and_no_member_of_its_own(text, clerk, caplog):
    caplog.set_level(logging.INFO, "exportapp")
    job = asked_by(clerk)
    caplog.clear()
    record(job, Happened.RETRIED, text.replace("\0", ""), worker=text.replace("\0", ""), about="x")
    (said,) = [r.getMessage() for r in caplog.records if r.name == "exportapp"]

    assert len(said.splitlines()) == 1
    assert said.isascii() and said.isprintable()
    assert json.loads(said)["event"] == "retried"
    assert str(Line(message=text)).isprintable()


PASSWORD = "pa55word-of-the-database"
KEY = "a-key-that-is-nowhere-else"
SAID = (
    "postgres://shop:{secret}@db:5432/shop is away",
    "redis://:{secret}@valkey/0",
    "host=db user=shop password={secret} sslmode=require",
    "{{'password': '{secret}', 'host': 'db'}}",
    "GET https://s3.example/x?X-Amz-Signature={secret}&x=1",
    "Authorization: Bearer {secret}",
    "Cookie: sessionid={secret}; csrftoken={secret}",
    "https://hooks.example/?token={secret}",
)


@pytest.mark.parametrize("text", SAID)
def test_the_text_of_an_error_has_no_secret(text):
    said = on_one_line(text.format(secret=PASSWORD))
    assert PASSWORD not in said and "***" in said


@pytest.mark.parametrize(
    "text", ["order 12: no such row", "a=b, c: d", "user@example.com", "12:30"]
)
def test_the_text_of_an_error_is_otherwise_as_it_was(text):
    assert on_one_line(text) == text


def test_what_is_kept_of_a_failure_holds_no_secret(committing, clerk, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(project, "SECRET_KEY", KEY)

    def fail(*args, **kwargs):
        password = PASSWORD  # a local variable of a frame
        raise ValueError(f"postgres://shop:{password}@db/shop\r\n\0\x1b[31m \ud800 says no")

    job = asked_by(clerk)
    monkeypatch.setattr(working, "recall", fail)
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    page = browser_of(User.objects.create_superuser("root")).get(f"{JOBS}{job.pk}/change/")
    events = [f"{event.message} {json.dumps(event.data)}" for event in ExportEvent.objects.all()]
    logged = [record.getMessage() for record in caplog.records if record.name == "exportapp"]
    kept = [job.error, json.dumps(job.error_snapshot), page.content.decode(), *events, *logged]

    assert "postgres://shop:***@db/shop" in job.error and job.error.isprintable()
    assert all("says no" in text for text in (*kept[:3],))
    assert not [text for text in kept if PASSWORD in text or KEY in text]


def test_an_error_page_says_nothing(clerk, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError(f"{PASSWORD} in /srv/secret/path.py")

    job = asked_by(clerk)
    monkeypatch.setattr(ExportJob, "can_download", property(fail))
    client = Client(raise_request_exception=False)
    client.force_login(clerk)
    for page in (JOBS, f"{JOBS}{job.pk}/change/", f"{API}{job.pk}/", API):
        answer = client.get(page)
        assert answer.status_code == 500
        for word in (
            PASSWORD,
            "Traceback",
            "/srv/",
            "RuntimeError",
            project.SECRET_KEY,
            "site-packages",
        ):
            assert word not in answer.content.decode()


def test_a_refusal_by_the_database_is_not_quoted_to_a_person(clerk, monkeypatch):
    monkeypatch.setattr(Order._meta, "db_table", "a_table_that_is_not_there")
    client = browser_of(clerk)
    answer = client.post("/admin/shop/order/export-to-excel/")
    assert "a_table_that_is_not_there" not in answer.content.decode()
