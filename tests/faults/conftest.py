from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ledger import close_ledger, execute, open_ledger
from tests.faults.plant import Plant
from tests.faults.points import DELIVERIES
from tests.house import Builder, Database
from tests.jobs.conftest import _own_folder, ask, operator, orders  # noqa: F401
from tests.services import ON_SQLITE, services

# Most faults are those of several processes at PostgreSQL; they are the same in both runs. On
# SQLite it is asked again what depends on the database: dying at each point of a commit.
ON_BOTH = ("test_parallelism.py", "test_points.py")
ON_SQLITE_ONLY = "test_sqlite.py"
collect_ignore = [ON_SQLITE_ONLY]
if ON_SQLITE:
    found = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    collect_ignore = sorted(found - {*ON_BOTH, ON_SQLITE_ONLY})

FAILED = pytest.StashKey[bool]()

plants: list[Plant] = []
"""Those that there are now: a file's, which its tests share."""

KIND: Database = "sqlite" if ON_SQLITE else "postgresql"


@pytest.fixture(scope="module")
def build_plant(_builder: Builder) -> Iterator[Callable[..., Plant]]:
    """Build plants: `build_plant(orders=500, EXPORTAPP_LEASE_SECONDS=2)`; settings by name."""
    with ExitStack() as stack:

        def build(*, orders: int = 500, deliveries: int = 1, **settings: Any) -> Plant:
            house = _builder.build(orders=orders, database=KIND)
            stack.callback(_builder.demolish, house)
            plant = Plant(house, orders, settings, {DELIVERIES: str(deliveries)})
            plants.append(plant)
            stack.callback(plants.remove, plant)
            return plant

        yield build


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True)
def _afresh_after_a_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a failed test leaves must not make those fail that come next, nor its second try."""
    request.node.stash[FAILED] = False
    yield
    if request.node.stash[FAILED]:
        if not ON_SQLITE:
            services.postgres.start()
        for plant in plants:
            plant.start_afresh()


@pytest.fixture
def ledger(transactional_db: None) -> Iterator[None]:
    """What this process does to the tables is written down, as in a plant; on PostgreSQL."""
    open_ledger(execute, sqlite=False)
    yield
    close_ledger(execute)
