"""Rows that a person's list does not show leave through no face."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook
from rest_framework.test import APIClient

from exportapp.jobs.files import local_path
from exportapp.jobs.stream import stream
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection
from project.shop.admin import OrderAdmin
from project.shop.models import Order
from tests.clicks import click_through
from tests.exports.conftest import seen_by


@pytest.fixture
def bea(shop, person, monkeypatch):
    """She sees paid orders and no others."""
    shown = OrderAdmin.get_queryset

    def get_queryset(self, request):
        rows = shown(self, request)
        return rows if request.user.is_superuser else rows.filter(status="paid")

    monkeypatch.setattr(OrderAdmin, "get_queryset", get_queryset)
    return person("bea", "view_order", "export_order")


def numbers(file):
    rows = load_workbook(file).worksheets[0].iter_rows(min_row=2, values_only=True)
    return {row[0] for row in rows}


def made():
    job = ExportJob.objects.get()
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", job.error
    return numbers(local_path(job.files.get().path))


def keys():
    return [str(pk) for pk in Order.objects.values_list("pk", flat=True)]


def by_action(bea, tmp_path):
    client = Client()
    client.force_login(bea)
    ticked = {"action": "export_to_excel", "_selected_action": keys()}
    click_through(client, reverse("admin:shop_order_changelist"), ticked)
    return made()


def by_button(bea, tmp_path):
    client = Client()
    client.force_login(bea)
    click_through(client, reverse("admin:shop_order_export_to_excel"))
    return made()


def by_rest(bea, tmp_path):
    client = APIClient()
    client.force_login(bea)
    body = {"source": "shop.Order", "keys": keys(), "filters": {"status__in": "new,paid,shipped"}}
    assert client.post("/api/exports/", body, format="json").status_code == 201
    return made()


def by_command(bea, tmp_path):
    path = tmp_path / "orders.xlsx"
    call_command("export_excel", "shop.Order", user="bea", output=str(path))
    return numbers(path)


def by_stream(bea, tmp_path):
    selection = Selection(source="shop.Order", keys=tuple(keys()))
    return numbers(io.BytesIO(b"".join(stream(selection, seen_by(bea)))))


@pytest.mark.parametrize("face", [by_action, by_button, by_rest, by_command, by_stream])
def test_only_rows_of_the_persons_own_list_are_in_the_file(face, bea, tmp_path):
    paid = set(Order.objects.filter(status="paid").values_list("number", flat=True))

    assert face(bea, tmp_path) == paid
    assert 0 < len(paid) < Order.objects.count()


def test_whoever_asks_waits_for_no_row(bea):
    client = Client()
    client.force_login(bea)
    with CaptureQueriesContext(connection) as captured:
        response = click_through(client, reverse("admin:shop_order_export_to_excel"))
        client.get(response.headers["Location"])
    read = [query["sql"] for query in captured if 'FROM "shop_' in query["sql"]]

    assert ExportJob.objects.count() == 1
    assert read == []
