from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.test import TransactionTestCase
from django.utils import timezone, translation
from hypothesis import settings as hypothesis
from redis import Redis

from exportapp.jobs.away import OF_ANCHORS, OF_QUEUE
from tests import emptying
from tests.house import Builder, Database, House
from tests.services import ON_SQLITE, Services, services

# A shared machine may be slow at any moment; what must be fast is in the benchmarks.
hypothesis.register_profile("suite", deadline=None)
hypothesis.load_profile("suite")

OF_PROCESSES = (
    "benchmarks/test_peers_table",
    "faults/test_signals",
    "faults/test_servers",
    "browser/test_pages",
    "faults/test_valkey.py",
    "test_parallel",
    "management/",
    "faults/",
    "browser/",
    "project/",
    "benchmarks/",
    "readers/",
)
"""What starts processes; the longest of it first."""

FIRST = (
    *OF_PROCESSES,
    "exports/test_workers",
    "exports/test_sheets_kept",
    "api/test_schemathesis",
    "test_packaging",
    "jobs/test_work",
    "jobs/test_consistency",
    "jobs/test_modes",
    "jobs/test_canonical",
    "jobs/test_errors_in_pieces",
    "objects/test_upload",
    "tables/test_gallery",
    "test_house",
)
"""So that nobody has to wait for one of these at the end."""

IN_ONE_PROCESS = ("tests/faults/test_machine.py", "tests/faults/test_races.py", "tests/readers/")

SECOND_CHANCE = pytest.mark.flaky(reruns=2, only_rerun=["."], rerun_except=["WrongExport"])
"""Processes of a busy machine miss moments that a test is about. Each such run is shown ("R"); a
row that is lost or doubled, a cell that differs, an illegal move of a job has no second chance."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # After pytest-randomly: its order stays among those that are of one kind.
    items.sort(key=_turn)
    for item in items:
        path = item.nodeid.removeprefix("tests/")
        if path.startswith(OF_PROCESSES) and not item.nodeid.startswith(IN_ONE_PROCESS):
            item.add_marker(SECOND_CHANCE)


def pytest_collection_finish() -> None:
    """All that was imported and collected stays: nobody need look for garbage in it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _turn(item: pytest.Item) -> int:
    path = item.nodeid.removeprefix("tests/")
    turns = (turn for turn, name in enumerate(FIRST) if path.startswith(name))
    return next(turns, len(FIRST))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Databases as pytest-django makes them, and emptied as `tests.emptying` says."""
    with django_db_blocker.unblock():
        emptying.take_stock(DEFAULT_DB_ALIAS)
    TransactionTestCase._fixture_teardown = emptying.empty


@pytest.fixture(scope="session")
def servers() -> Services:
    """The PostgreSQL and the Valkey of this run, for tests that talk to them directly."""
    return services


@pytest.fixture(scope="session")
def _valkey() -> Iterator[Redis]:
    """One connection for all tests."""
    with Redis(host="127.0.0.1", port=services.valkey.port) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_valkey(_valkey: Redis) -> Iterator[None]:
    """Queues and anchors of one test must not be seen by the next, nor that Redis was away."""
    yield
    _valkey.flushall()
    for absence in (OF_ANCHORS, OF_QUEUE):
        absence.end()


@pytest.fixture(autouse=True)
def _no_language_left() -> Iterator[None]:
    """A request in German leaves German behind: its thread has the next test too."""
    yield
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()


@pytest.fixture(scope="session")
def _builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    return Builder(tmp_path_factory.mktemp("houses"))


@pytest.fixture
def build_house(_builder: Builder) -> Iterator[Callable[..., House]]:
    """Build installations: `build_house(orders=500)`, `build_house(database="sqlite")`.

    `database` is the run's own kind unless said.
    """
    with ExitStack() as stack:

        def build(*, orders: int = 0, database: Database | None = None) -> House:
            kind: Database = database or ("sqlite" if ON_SQLITE else "postgresql")
            house = _builder.build(orders=orders, database=kind)
            stack.callback(_builder.demolish, house)
            return house

        yield build


@pytest.fixture
def house(build_house: Callable[..., House]) -> House:
    """One installation, migrated, with an empty shop."""
    return build_house()
