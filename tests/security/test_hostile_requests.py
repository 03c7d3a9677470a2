"""What nobody sends by accident: 400 or 413 with a sentence, never a 500, and little work."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exportapp.exceptions import RequestRefused
from exportapp.jobs import lifecycle, presets
from exportapp.jobs.stream import stream
from exportapp.jobs.work import work
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables import bounds
from exportapp.tables.selection import Selection
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.security.conftest import API, JOBS, ORDERS, asked_by, browser_of, seen_by

REFUSED_QUERIES = 8
"""Statements of a request that is refused: session, person, permissions."""


def order(**more):
    return json.dumps({"source": "shop.Order"} | more)


def raw(members):
    return f'{{"source": "shop.Order", {members}}}'


BODIES = {
    "arrays in arrays": "[" * 100_000,
    "objects in objects": raw('"filters": ' + '{"a":' * 5000 + "1" + "}" * 5000),
    "a value of many levels": raw('"filters": {"status": ' + "[" * 30 + "]" * 30 + "}"),
    "a member twice": '{"source": "shop.Order", "source": "shop.Product"}',
    "a filter twice": raw('"filters": {"status": "paid", "status": "new"}'),
    "not a number": raw('"filters": {"amount": NaN}'),
    "beyond a float": raw('"filters": {"amount": 1e400}'),
    "5,000 digits": raw('"preset": ' + "9" * 5000),
    "no UTF-8": b'{"source": "\xff"}',
    "UTF-16": '{"source": "shop.Order"}'.encode("utf-16"),
    "half a pair as a member": raw('"\\ud800": 1'),
    "half a pair as a filter": raw('"filters": {"\\ud800": "x"}'),
    "half a pair as a key": order(keys=["\ud800"]),
    "a NUL in a value": order(filters={"status": "\0"}),
    "a NUL in a name": order(filters={"sta\0tus": "paid"}),
    "a NUL in a parameter": json.dumps({"export": "paid-orders", "parameters": {"since": "\0"}}),
    "a year without end": order(filters={"created_at__year": "99999999"}),
    "a day that is none": order(filters={"created_at__gte": "0000-00-00"}),
    "a range with one end": order(filters={"id__range": "1"}),
    "a regular expression": order(filters={"note__regex": "(a+)+$"}),
    "another": order(filters={"note__iregex": "("}),
    "a preset beyond bigint": order(preset=2**63),
    "10,000 columns": order(columns=["number"] * 10_000),
    "10,000 columns to order by": order(order=["number"] * 10_000),
    "an order by 100 clicks": order(filters={"o": ".".join(["1"] * 100)}),
    "10,000 filters": order(filters={f"f{n}": "1" for n in range(10_000)}),
    "10,000 values": order(filters={"status": ["paid"] * 10_000}),
    "a megabyte of search": order(search="x" * 1_000_000),
    "50,000 words": order(search="x " * 50_000),
    "a long value": order(filters={"note__contains": "x" * 100_000}),
    "a long name": order(filters={"x" * 100_000: "1"}),
    "2,000 joins": order(columns=["customer__orders__" * 1000 + "id"]),
    "13 joins": order(columns=["customer__orders__" * 6 + "id"]),
    "too many ticks": order(keys=["1"] * (bounds.MOST_KEYS + 1)),
    "a long key": order(keys=["9" * 5000]),
    "an array": "[]",
    "nothing": "null",
}


def test_no_body_breaks_the_rest_face(root, subtests):
    client = browser_of(root)
    for name, body in BODIES.items():
        with subtests.test(name), CaptureQueriesContext(connection) as queries:
            response = client.post(API, body, content_type="application/json")
            assert response.status_code == 400, response.content[:300]
            assert response["Content-Type"] == "application/problem+json"
            assert len(response.content) < 5000
            assert len(queries) <= REFUSED_QUERIES
    assert not ExportJob.objects.exists()


def test_a_body_is_as_long_as_a_form_may_be_and_no_longer(root, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    body = order(search="x" * 500)
    fits, is_long = body + " " * (2000 - len(body)), body + " " * (2001 - len(body))

    assert [
        browser_of(root).post(API, text, content_type="application/json").status_code
        for text in (fits, is_long)
    ] == [201, 413]
    refused = browser_of(root).put(f"{API}presets/1/", is_long, content_type="application/json")
    assert refused.status_code in {404, 413}


LISTS = {
    "a NUL": "status=%00",
    "a NUL in the search": "q=%00",
    "a NUL in a name": "sta%00tus=paid",
    "no UTF-8": "status=%ff%fe",
    "half a pair": "status=%ed%a0%80",
    "a regular expression": "note__regex=(a%2B)%2B$",
    "beyond bigint": "id=9223372036854775808",
    "beyond bigint, listed": "id__in=1,9223372036854775808",
    "a huge number": "amount=1e400",
    "a range with one end": "id__range=1",
    "a day that is none": "created_at__gte=2026-02-30",
    "a date hierarchy of words": "created_at__year=x&created_at__month=13",
    "a long search": "q=" + "x" * 3000,
    "clicks beyond the list": "o=" + "9" * 4000,
    "many clicks": "o=" + ".".join(["1"] * 100),
    "the password": "customer__user__password__startswith=a",
    "a field to leave by": "_to_field=password",
}


@pytest.mark.parametrize("page", [f"{ORDERS}export-to-excel/"])
def test_no_query_string_breaks_the_button(root, page, subtests):
    client = browser_of(root)
    for name, query in LISTS.items():
        with subtests.test(name):
            response = client.post(f"{page}?{query}")
            assert response.status_code in {302, 400}
    for job in ExportJob.objects.all():
        # What was taken is done, or fails with a sentence of its own.
        work(job.pk)
        job.refresh_from_db()
        assert job.status in {"succeeded", "failed"}
        assert bool(job.error) == (job.status == "failed")


TICKS = {
    "no JSON": "[",
    "deep": "[" * 100_000,
    "half a pair": '["\\ud800"]',
    "a NUL": '["\\u0000"]',
    "no list": "{}",
    "beyond bigint": '["9223372036854775808"]',
    "objects": '[{"a": 1}]',
    "5,000 digits": f'["{"9" * 5000}"]',
}


def test_no_ticks_break_the_action(root, subtests):
    seed_shop(1, seed=1)
    client, ticked = browser_of(root), Order.objects.get().pk
    for name, keys in TICKS.items():
        with subtests.test(name):
            form = {"action": "export_to_excel", "_selected_action": ticked, "export_keys": keys}
            assert client.post(ORDERS, form, follow=True).status_code in {200, 400}
            asked = {"keys": keys, "_changelist_filters": "%00=%00&o=%00"}
            for button in ("start", "preview", "save"):
                page = client.post(f"{JOBS}new/shop.Order/", asked | {button: "1"})
                assert page.status_code in {200, 400}
            assert client.get(ORDERS).status_code == 200


PAGES = [
    f"{JOBS}new/%00/",
    f"{JOBS}new/shop.Order/?_changelist_filters=created_at__year%3D0%26created_at__day%3D31",
    f"{JOBS}new/shop.Order/?_changelist_filters=id__in%3D{'9' * 30}%26amount__gte%3Dx",
    f"{JOBS}new/shop.Order/?_changelist_filters=status__exact%3D%2500&keys=[]",
    f"{JOBS}new/paid-orders/?preset=%00",
    f"{JOBS}new/paid-orders/?preset={'9' * 5000}",
    f"{JOBS}new/paid-orders/?preset={2**63}",
    f"{JOBS}new/paid-orders/?preset=-1",
    f"{JOBS}?status=%00",
    f"{JOBS}?status__regex=(",
    f"{JOBS}?p=999999999999999999999",
    f"{JOBS}%00/change/",
    f"{JOBS}1/change/",
    f"{JOBS}preset/{2**70}/delete/",
    f"{API}?state=%00",
    f"{API}?page=%00",
    f"{API}?page={10**30}",
    f"{API}?page_size={10**30}",
    f"{API}presets/%00/",
    f"{API}presets/{2**63}/",
    f"{API}presets/{'9' * 5000}/",
    f"{API}presets/x/",
    f"{API}1/",
    f"{API}%00/",
    f"{API}00000000-0000-0000-0000-000000000000/download/?file={10**30}",
]


@pytest.mark.parametrize("page", PAGES)
def test_no_address_breaks_a_page(root, page):
    response = browser_of(root).get(page)
    assert response.status_code < 500, page


def test_the_bounds_hold_below_the_faces(root):
    selection = Selection(source="shop.Order", columns=("number",) * 1001)
    for door in (
        lambda: lifecycle.create(selection, seen_by(root)),
        lambda: presets.save(seen_by(root), "much", selection),
        lambda: next(stream(selection, seen_by(root))),
    ):
        with pytest.raises(RequestRefused, match=r"1001. Valid: up to 1000"):
            door()
    assert not ExportPreset.objects.exists()


def test_an_export_of_before_the_bounds_is_done_as_it_was_asked(root, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_COLUMNS", 10_000)
    job = asked_by(root, columns=("number",) * 1500)
    monkeypatch.undo()

    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", job.error
