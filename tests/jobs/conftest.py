from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exportapp.jobs import breaker, lifecycle, throttle
from exportapp.jobs.files import local_path
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop


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


def finish(job: ExportJob) -> Path:
    """Work on it here to the end and give the file."""
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.status, job.error, list(job.events.all()))
    return local_path(job.files.get(number=1).path)
