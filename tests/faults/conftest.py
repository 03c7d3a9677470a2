from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ledger import close_ledger, execute, open_ledger
from tests.faults.plant import Plant
from tests.faults.points import DELIVERIES
from tests.house import Builder, Database
from tests.jobs.conftest import _own_folder, ask, operator, orders  # noqa: F401
from tests.services import ON_SQLITE

# Most faults are those of several processes at PostgreSQL; they are the same in both runs. On
# SQLite it is asked again what depends on the database: dying at each point of a commit.
ON_BOTH = ("test_parallelism.py", "test_points.py")
ON_SQLITE_ONLY = "test_sqlite.py"
collect_ignore = [ON_SQLITE_ONLY]
if ON_SQLITE:
    found = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    collect_ignore = sorted(found - {*ON_BOTH, ON_SQLITE_ONLY})

KIND: Database = "sqlite" if ON_SQLITE else "postgresql"


@pytest.fixture(scope="module")
def build_plant(_builder: Builder) -> Iterator[Callable[..., Plant]]:
    """Build plants: `build_plant(orders=500, EXPORTAPP_LEASE_SECONDS=2)`; settings by name."""
    with ExitStack() as stack:

        def build(*, orders: int = 500, deliveries: int = 1, **settings: Any) -> Plant:
            house = _builder.build(orders=orders, database=KIND)
            stack.callback(_builder.demolish, house)
            return Plant(house, settings, {DELIVERIES: str(deliveries)})

        yield build


@pytest.fixture
def ledger(transactional_db: None) -> Iterator[None]:
    """What this process does to the tables is written down, as in a plant; on PostgreSQL."""
    open_ledger(execute, sqlite=False)
    yield
    close_ledger(execute)
