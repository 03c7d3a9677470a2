"""However many rows are ticked, Django's limits for a form are not met."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from exportapp.models import ExportJob
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.admin.conftest import ORDERS
from tests.clicks import click_through

TICKED = 10_000


def test_ten_thousand_ticked_rows_are_one_field_of_the_form(
    desk: Client, finish: Callable[[ExportJob], ExportJob], settings: Any
) -> None:
    seed_shop(TICKED + 10, seed=1)
    many = [str(key) for key in Order.objects.order_by("pk").values_list("pk", flat=True)]
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS == 1_000
    ticked = many[:TICKED]
    form = {"action": "export_to_excel", "index": "0", "_selected_action": ticked[0]}

    sent = form | {"export_keys": json.dumps(ticked)}
    asking = desk.post(ORDERS, sent)
    # The browser sends the same once more, there: no address holds so many keys.
    assert asking.status_code == 307
    page = desk.post(asking.headers["Location"], sent)
    assert "10,000 orders: 10,000 ticked rows" in page.content.decode()
    assert not ExportJob.objects.exists()

    response = desk.post(asking.headers["Location"], page.context["form"].carried.fields())
    assert response.status_code == 302
    job = ExportJob.objects.get()
    assert job.selection["keys"] == ticked
    assert finish(job).files.get().rows == TICKED


def test_all_across_pages_keeps_no_key_of_the_ticks(desk: Client, orders: list[Order]) -> None:
    form = {"action": "export_to_excel", "index": "0", "select_across": "1"}
    keys = [str(order.pk) for order in orders]
    sent = form | {"_selected_action": keys[:1], "export_keys": json.dumps(keys)}
    click_through(desk, ORDERS, sent)

    assert ExportJob.objects.get().selection["keys"] is None


@pytest.mark.parametrize("sent", ["1,2", '"1"', "{}"])
def test_what_no_list_page_sends_makes_no_job(desk: Client, orders: list[Order], sent: str) -> None:
    form = {"action": "export_to_excel", "_selected_action": str(orders[0].pk), "export_keys": sent}

    assert desk.post(ORDERS, form).status_code == 400
    assert not ExportJob.objects.exists()


def test_the_list_brings_the_script_that_joins_ticks(desk: Client, orders: list[Order]) -> None:
    assert "exportapp/ticks.js" in desk.get(ORDERS).content.decode()
    found = finders.find("exportapp/ticks.js")
    assert found and '"export_keys"' in Path(str(found)).read_text()
