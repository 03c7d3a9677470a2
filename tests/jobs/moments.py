"""Exports of one moment: what is asked for, what is changed meanwhile, who holds a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from exportapp.jobs import extract, lifecycle, work
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Customer, Order, OrderLine, Product
from tests.house import wait_for
from tests.services import ON_SQLITE

Ask = Callable[..., ExportJob]
Before = Callable[[int, Callable[[], object]], None]

on_postgres = pytest.mark.skipif(ON_SQLITE, reason="only PostgreSQL exports snapshots")

OPEN = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"""


@pytest.fixture
def shards_of_100(settings: Any) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_BATCH_ROWS = 50
    settings.EXPORTAPP_BEAT_SECONDS = 0.000001


@pytest.fixture
def ask_at_once(operator: Viewer) -> Ask:
    def create(source: str = "shop.Order", consistency: str = "snapshot") -> ExportJob:
        selection = Selection(source=source)
        job, _ = lifecycle.create(selection, operator, consistency=consistency, queue=False)
        return job

    return create


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Before:
    """Have something done before the nth time that a shard is extracted."""
    deeds: dict[int, Callable[[], object]] = {}
    times = 0

    def extracting(*args: Any) -> Any:
        nonlocal times
        times += 1
        deeds.pop(times, lambda: None)()
        return extract.extract(*args)

    monkeypatch.setattr(work, "extract", extracting)
    return deeds.__setitem__


def upset() -> None:
    """Change every row, also of what rows are named after, delete some and add one."""
    Order.objects.update(amount=F("amount") + 1, note="changed")
    Customer.objects.update(name="changed")
    Product.objects.update(name="changed", sku=F("id"))
    OrderLine.objects.update(quantity=F("quantity") + 1)
    gone = list(Order.objects.order_by("pk").values_list("pk", flat=True)[:50])
    Order.objects.filter(pk__in=gone).delete()
    added = Order.objects.order_by("pk")[0]
    added.pk, added.number = None, "added"
    added.save(force_insert=True)


def events(job: ExportJob, kind: str) -> list[Any]:
    return list(job.events.filter(kind=kind).order_by("pk"))


def snapshots_open() -> int:
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        return int(cursor.fetchone()[0])


def require_none_open() -> None:
    # The server sees a moment later that somebody has hung up.
    wait_for(lambda: snapshots_open() == 0, what="no snapshot is held")
