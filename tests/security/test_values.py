"""A value that no row can have is refused at the door, by every face, with the filter's name."""

from __future__ import annotations

import html

import pytest
from django.core.management import CommandError, call_command

from exportapp.exceptions import RequestRefused
from exportapp.jobs import lifecycle
from exportapp.jobs.stream import stream
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection
from tests.admin.conftest import EXPORT_ALL
from tests.security.conftest import browser_of, seen_by

HUGE = "9" * 30
LONG = "x" * 21

BEYOND = {
    "id": HUGE,
    "id__in": f"1,{HUGE}",
    "id__gt": f"-{HUGE}",
    "ledger_no": str(2**63),
    "customer": HUGE,
    "customer__id__exact": HUGE,
    "number": LONG,
    "number__icontains": LONG,
    "number__in": f"a,{LONG}",
    "amount": "1e400",
    "amount__lte": "12345678901",
    "created_at__year": "9999",
    "created_at__year__in": "2026,99999",
    "created_at__month": "13",
    "created_at__day": HUGE,
    "created_at__hour__gte": "25",
    "created_at__week_day": "8",
    "created_at__gte": "9999-12-31 23:59:59-12:00",
    "note__isnull": "perhaps",
    "note__contains": "a\0b",
}

WITHIN = {
    "id__in": "1,2",
    "ledger_no": str(2**63 - 1),
    "number__icontains": "x" * 20,
    "amount": "9999999999.99",
    "created_at__year": "9998",
    "created_at__month": "12",
    "created_at__day": "30",
    "created_at__hour__lt": "23",
    "created_at__gte": "0001-01-02 00:00:00Z",
    "note__isnull": "True",
    "note__contains": "x" * 10_000,
    "customer__id__exact": str(2**63 - 1),
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_value_beyond_its_column_is_refused_by_name(clerk, name):
    selection = Selection(source="shop.Order", query={name: [BEYOND[name]]})
    for ask in (lifecycle.create, stream):
        with pytest.raises(RequestRefused, match=f"'{name}'"):
            ask(selection, seen_by(clerk))
    assert not ExportJob.objects.exists()


def test_every_face_says_so(root, capsys):
    said = "The filter 'created_at__month' cannot be '13'. Valid: whole numbers from 1 to 12."
    client = browser_of(root)
    body = {"source": "shop.Order", "filters": {"created_at__month": 13}}
    answer = client.post("/api/exports/", body, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["detail"] == said
    with pytest.raises(CommandError) as error:
        call_command("export_excel", "shop.Order", filter=["created_at__month=13"], output="x.xlsx")
    assert said in str(error.value)
    page = client.post(f"{EXPORT_ALL}?created_at__month=13", follow=True)
    assert page.status_code == 200 and said in html.unescape(page.content.decode())
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize("name", WITHIN)
def test_a_value_at_the_edge_of_its_column_is_exported(committing, name):
    job, _ = lifecycle.create(
        Selection(source="shop.Order", query={name: [WITHIN[name]]}), seen_by(Operator())
    )
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", job.error
