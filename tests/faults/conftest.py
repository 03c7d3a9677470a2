from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.plant import Plant
from tests.faults.points import DELIVERIES
from tests.house import Builder, Database
from tests.jobs.conftest import _own_folder, ask, operator, orders  # noqa: F401
from tests.services import ON_SQLITE

# Most faults are those of several processes at PostgreSQL; they are the same in both runs. On
# SQLite it is asked again what depends on the database: dying at each point of a commit.
collect_ignore_glob = ["test_[!p]*.py"] if ON_SQLITE else []

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
