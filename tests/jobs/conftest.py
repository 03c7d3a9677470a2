from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory

from exportapp.jobs import breaker, lifecycle, throttle
from exportapp.jobs.delivery import deliver
from exportapp.jobs.files import local_path
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.transfer import respond
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables import scan
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop
from tests.jobs.moments import ask_at_once, before, shards_of_100  # noqa: F401


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STORAGES = settings.STORAGES | {
        "exports": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": tmp_path / "exports"},
        }
    }
    stop_requested.clear()
    breaker._of_this_process.cache_clear()
    throttle._last.asked = None
    yield
    stop_requested.clear()


@pytest.fixture
def orders(transactional_db: None) -> Callable[[int], None]:
    """Fill the shop with this many orders."""
    return lambda count: void(seed_shop(count, seed=1))


def void(_: object) -> None:
    return None


@pytest.fixture
def operator() -> Viewer:
    return Viewer(user=Operator(), language="en", time_zone="UTC")


@pytest.fixture
def ask(operator: Viewer) -> Callable[..., ExportJob]:
    """Ask for an export of the orders; nobody works on it yet."""

    def create(source: str = "shop.Order", **selection: Any) -> ExportJob:
        job, _ = lifecycle.create(Selection(source=source, **selection), operator, queue=False)
        return job

    return create


@pytest.fixture
def ask_verified(operator: Viewer) -> Callable[..., ExportJob]:
    """The same, read back before it is handed out."""

    def create(source: str = "shop.Order", **selection: Any) -> ExportJob:
        asked = Selection(source=source, **selection)
        job, _ = lifecycle.create(asked, operator, options={"verify": True}, queue=False)
        return job

    return create


@pytest.fixture
def small(settings: Any) -> None:
    """Several files, sheets and shards, which do not end at the same rows."""
    settings.EXPORTAPP_SHARD_ROWS = 70
    settings.EXPORTAPP_SHEET_ROWS = 100
    settings.EXPORTAPP_WORKBOOK_BYTES = 20_000
    settings.EXPORTAPP_BATCH_ROWS = 30


@pytest.fixture
def clerk(transactional_db: None) -> User:
    """May export orders and nothing else."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="export_order"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Ranges of some ten rows, in batches of 7."""
    monkeypatch.setattr(scan, "RANGE_BYTES", 8_000)
    settings.EXPORTAPP_BATCH_ROWS = 7


@pytest.fixture
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that failed is tried again at once."""
    monkeypatch.setattr("exportapp.jobs.errors.BACKOFF_BASE", 0.0)


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann")


@pytest.fixture
def job(orders: Callable[[int], None], ask: Callable[..., ExportJob]) -> ExportJob:
    """An export of thirty orders, and its file."""
    orders(30)
    job = ask()
    finish(job)
    return job


@pytest.fixture
def get(ann: User) -> Callable[..., Any]:
    """What is answered when ann asks for a file."""

    def send(job: ExportJob, *, method: str = "GET", number: int | None = None, **headers: str):
        request = RequestFactory().generic(method, "/", headers=headers)
        return respond(request, job, ann, deliver(job, ann, number))

    return send


def finish(job: ExportJob) -> Path:
    """Work on it here to the end and give the file."""
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.status, job.error, list(job.events.all()))
    return local_path(job.files.get(number=1).path)
