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

TICKED = 10_000


def test_ten_thousand_ticked_rows_are_one_field_of_the_form(
    desk: Client, finish: Callable[[ExportJob], ExportJob], settings: Any
) -> None:
    seed_shop(TICKED + 10, seed=1)
    many = [str(key) for key in Order.objects.order_by("pk").values_list("pk", flat=True)]
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS == 1_000
    ticked = many[:TICKED]
    form = {"action": "export_to_excel", "index": "0", "_selected_action": ticked[0]}

    response = desk.post(ORDERS, form | {"export_keys": json.dumps(ticked)})

    assert response.status_code == 302
    job = ExportJob.objects.get()
    assert job.selection["keys"] == ticked
    assert finish(job).files.get().rows == TICKED


def test_all_across_pages_keeps_no_key_of_the_ticks(desk: Client, orders: list[Order]) -> None:
    form = {"action": "export_to_excel", "index": "0", "select_across": "1"}
    keys = [str(order.pk) for order in orders]
    desk.post(ORDERS, form | {"_selected_action": keys[:1], "export_keys": json.dumps(keys)})

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
