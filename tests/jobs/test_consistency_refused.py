"""A consistency that cannot be had is refused by every face, at the door."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.test import APIClient

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.models import ExportJob
from tests.clicks import click_through
from tests.jobs.moments import Ask
from tests.services import ON_SQLITE

Orders = Callable[[int], None]


def test_a_consistency_that_there_is_not_is_refused_with_the_valid_ones(
    orders: Orders, ask_at_once: Ask
) -> None:
    with pytest.raises(UnknownName, match="live, snapshot"):
        ask_at_once(consistency="snapshots")


@pytest.mark.skipif(not ON_SQLITE, reason="PostgreSQL does not refuse it")
class TestOnSQLite:
    said = "needs PostgreSQL"

    def test_it_is_refused_at_the_door(self, orders: Orders, ask_at_once: Ask) -> None:
        with pytest.raises(RequestRefused, match=f"{self.said}.*SQLite.*Valid: live"):
            ask_at_once()
        assert not ExportJob.objects.exists()

    def test_the_command_refuses_it(self, orders: Orders, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=self.said) as refused:
            call_command("export_excel", "shop.Order", consistency="snapshot")
        assert refused.value.returncode == 2

    def test_the_interface_refuses_it(self, orders: Orders) -> None:
        client = APIClient()
        client.force_login(User.objects.create_superuser("ann"))
        body = {"source": "shop.Order", "consistency": "snapshot"}
        answer = client.post("/api/exports/", body, format="json")
        assert answer.status_code == 400
        assert self.said in answer.content.decode()

    def test_the_button_refuses_it(self, orders: Orders, client: Any, settings: Any) -> None:
        settings.EXPORTAPP_CONSISTENCY = "snapshot"
        client.force_login(User.objects.create_superuser("ann"))
        answer = click_through(client, reverse("admin:shop_order_export_to_excel"))
        assert self.said in html.unescape(answer.content.decode())
        assert not ExportJob.objects.exists()
