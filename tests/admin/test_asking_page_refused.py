"""What the page that asks refuses: what is wrong, what no page sends, rows and rights of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from exportapp.models import ExportJob, ExportPreset
from project.shop.models import Order
from tests.admin.conftest import ASK, EXPORT_ALL, make_person
from tests.admin.test_asking_page import PAID, sent, text_of


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (sent("number") | {"columns": []}, "Tick at least one column."),
        (sent("number", number="x" * 256), "256 characters. Valid: 1 to 255"),
        (sent("number", number="a\x07"), "control characters"),
        (sent("number", "delete"), "Unknown column 'delete'"),
        (sent("number") | {"filename": "../x"}, "The file name “../x” cannot have /."),
        (sent("number") | {"_changelist_filters": "nothing=1"}, "'nothing'"),
        (sent("number") | {"keys": '["x"]'}, "'x' is not a key of shop.Order"),
        (sent("number") | {"save": "1"}, "1 to 100 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    desk: Client, orders: list[Order], wrong: dict[str, Any], words: str
) -> None:
    response = desk.post(ASK, wrong)

    assert response.status_code == 200
    assert words in text_of(response)
    assert not ExportJob.objects.exists()
    assert not ExportPreset.objects.exists()


@pytest.mark.parametrize("keys", ["1,2", '"1"', "{}"])
def test_what_no_page_sends_is_refused(desk: Client, orders: list[Order], keys: str) -> None:
    assert desk.post(ASK, {"keys": keys}).status_code == 400
    assert desk.get(ASK, {"keys": keys}).status_code == 400


def test_keys_of_rows_that_are_not_the_person_s_give_no_rows(
    desk: Client,
    orders: list[Order],
    finish: Callable[[ExportJob], ExportJob],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.contrib import admin

    order_admin = type(admin.site.get_model_admin(Order))
    rows = order_admin.get_queryset
    own = lambda self, request: rows(self, request).filter(status="paid")  # noqa: E731
    monkeypatch.setattr(order_admin, "get_queryset", own)
    keys = [str(order.pk) for order in orders]
    tampered = {"_changelist_filters": "", "keys": json.dumps(keys)}
    paid = Order.objects.filter(status="paid").count()

    page = desk.post(ASK, tampered | {"preview": "1"})
    desk.post(ASK, tampered)

    assert f"{paid} orders: 30 ticked rows" in text_of(page)
    assert finish(ExportJob.objects.get()).files.get().rows == paid


def test_the_right_is_asked_for_whatever_the_page_is_asked(
    client: Client, orders: list[Order], clerk: User
) -> None:
    client.force_login(make_person("reader", "view_order"))
    assert client.get(PAID).status_code == 403
    for form in (sent("number"), {"preview": "1"}, {"save": "1", "preset_name": "x"}):
        assert client.post(PAID, form).status_code == 403
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(clerk)
    assert stranger.post(PAID, sent("number")).status_code == 403
    assert stranger.post(EXPORT_ALL).status_code == 403
    assert not ExportJob.objects.exists()
