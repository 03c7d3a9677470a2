"""A foreground export while its database goes away between two pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from exportapp.management import running
from exportapp.models import ExportJob
from project.shop.loading import seed_shop
from tests.house import House, wait_for
from tests.oracle import data_rows, order_rows
from tests.services import ON_SQLITE

pytestmark = pytest.mark.django_db(transaction=True)


def away(times: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The database answers again after so many questions between pieces."""
    asked: list[int] = []
    recover = running.recover

    def questioned(job: ExportJob) -> Any:
        asked.append(1)
        if len(asked) <= times:
            raise OperationalError("server closed the connection unexpectedly")
        return recover(job)

    monkeypatch.setattr(running, "recover", questioned)
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.01)
    return asked


def test_it_goes_on_when_the_database_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_shop(20, seed=1)
    away(3, monkeypatch)
    target = tmp_path / "orders.xlsx"
    call_command("export_excel", "shop.Order", output=target)
    assert data_rows(target) == order_rows()


def test_it_says_how_to_go_on_when_it_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_shop(20, seed=1)
    asked = away(float("inf"), monkeypatch)
    monkeypatch.setattr(running, "PATIENCE_SECONDS", 0.5)
    target = tmp_path / "orders.xlsx"
    with pytest.raises(CommandError, match="server closed") as refused:
        call_command("export_excel", "shop.Order", output=target)
    job = ExportJob.objects.get()
    assert str(refused.value).endswith(f"export_excel --resume {job.pk} --output {target}")
    assert len(asked) > 1
    monkeypatch.undo()
    call_command("export_excel", resume=str(job.pk), output=target)
    assert data_rows(target) == order_rows()


@pytest.mark.skipif(ON_SQLITE, reason="a file has no server to end its connections")
def test_it_outlives_connections_that_the_server_ends(build_house: Callable[..., House]) -> None:
    house = build_house(orders=300)
    target = house.folder / "orders.xlsx"
    small = {"EXPORTAPP_SHARD_ROWS": 10, "EXPORTAPP_BATCH_ROWS": 2}
    sizes = {"TEST_SETTINGS": json.dumps(small)}
    command = house.start("export_excel", "shop.Order", "-o", str(target), **sizes)
    done = "SELECT count(*) FROM exportapp_exportevent WHERE kind = 'extracted'"
    for ends in (3, 6, 9, 12):
        wait_for(lambda least=ends: house.rows(done)[0][0] >= least)
        house.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert command.wait(120) == 0, command.log()
    orders = "SELECT number FROM shop_order ORDER BY created_at DESC, id DESC"
    assert [(row[0],) for row in data_rows(target)] == house.rows(orders)
