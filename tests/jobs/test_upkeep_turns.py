"""A turn of the reconciler: its lock, what calls for it, and what it does once in a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django_rq
import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django_redis import get_redis_connection

from exportapp.jobs import exclusive, files, upkeep, wakeups
from exportapp.jobs.upkeep import take_turn
from exportapp.models import ExportEvent, ExportJob
from tests.jobs.conftest import finish
from tests.jobs.test_reconcile import long_ago
from tests.jobs.test_upkeep import unlocked

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]
LOCK = "export:upkeep"


@pytest.fixture
def forgotten(orders: Orders, ask: Ask) -> ExportJob:
    """An export that nobody came to, and two more."""
    orders(10)
    for source in ("shop.Customer", "shop.Product", "shop.Order"):
        job = ask(source)
    long_ago()
    ExportEvent.objects.all().delete()
    return job


def test_while_one_is_at_it_another_looks_at_nothing(
    forgotten: ExportJob, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive.alone("upkeep", 60) as renew:
        assert renew
        assert take_turn() is None
        call_command("export_reconcile")
        assert "Another one is at it." in capsys.readouterr().out
    assert not ExportEvent.objects.exists()
    assert take_turn()
    assert not get_redis_connection().exists(LOCK), "it is handed back"


def test_the_lock_of_one_that_died_is_free_in_time(forgotten: ExportJob) -> None:
    get_redis_connection().lock(LOCK, timeout=upkeep.LOCK_SECONDS).acquire()
    assert 0 < get_redis_connection().pttl(LOCK) <= upkeep.LOCK_SECONDS * 1000 <= 10_000


def test_one_that_lost_its_lock_does_not_release_that_of_the_next() -> None:
    with exclusive.alone("upkeep", 60) as renew:
        assert renew
        get_redis_connection().delete(LOCK)
        with exclusive.alone("upkeep", 60) as next_one:
            assert next_one
            renew()
            assert get_redis_connection().pttl(LOCK) > 0
            with exclusive.alone("upkeep", 60) as third:
                assert third is None
    assert not get_redis_connection().exists(LOCK)


def test_a_turn_renews_its_lock_before_each_export(
    forgotten: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = []

    def look(job: ExportJob) -> bool:
        left.append(get_redis_connection().pttl(LOCK))
        get_redis_connection().pexpire(LOCK, 5_000)
        return False

    monkeypatch.setattr("exportapp.jobs.reconcile.reconcile_job", look)
    take_turn()
    assert len(left) > 2 and min(left) > 5_000


def test_the_clock_looks_through_the_storage_once_in_a_while(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = []
    monkeypatch.setattr(upkeep, "sweep", lambda renew: swept.append(1) or 0)
    for _ in range(3):
        take_turn()
    assert swept == [1]
    take_turn(thorough=True)
    assert swept == [1, 1], "a person who asks for it has it"


def test_a_page_calls_for_the_reconciler_and_does_not_run_it(
    forgotten: ExportJob, admin_client: Any
) -> None:
    for _ in range(3):
        assert admin_client.get("/admin/exportapp/exportjob/").status_code == 200
    (call,) = django_rq.get_queue("exports").jobs
    assert call.func_name == wakeups.RECONCILE
    assert not ExportEvent.objects.exists()


def test_a_page_is_shown_while_redis_is_away(admin_client: Any) -> None:
    with unlocked():
        assert admin_client.get("/admin/exportapp/exportjob/").status_code == 200


def test_a_folder_that_cannot_be_removed_is_tried_again(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(10)
    job = ask()
    path = finish(job)
    ExportJob.objects.update(expires_at=Now())

    def refuse(*args: Any) -> bool:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as denied:
        denied.setattr(files, "remove_folder", refuse)
        take_turn(thorough=True)
        take_turn(thorough=True)
    (event,) = job.events.filter(kind="alarm")
    assert "Permission denied" in event.message
    assert path.exists()
    long_ago()
    take_turn(thorough=True)
    assert path.exists(), "not before KEEP_FAILED_SECONDS"
    ExportEvent.objects.update(at=Now() - timedelta(hours=2))
    take_turn(thorough=True)
    assert not path.parent.exists()
