from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.site import Desk, Site, chromium, served, sit_down
from tests.house import Builder
from tests.worker import Worker

ORDERS = 3000
SHARDS = 6
SETTINGS = {"EXPORTAPP_SHARD_ROWS": ORDERS // SHARDS, "EXPORTAPP_BEAT_SECONDS": 0.2}
READY_MS = 60_000

Hire = Callable[[int], list[Worker]]
OpenDesk = Callable[..., Desk]

# The machine may be busy with other things.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole run: its event loop would keep every later test from using the ORM.
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def site(_builder: Builder) -> Iterator[Site]:
    """One for all tests of a process: each has its own exports and its own workers."""
    house = _builder.build(orders=ORDERS, database="postgresql")
    told = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_SETTINGS": json.dumps(SETTINGS)}
    house.env |= told
    try:
        yield served(house)
    finally:
        _builder.demolish(house)


@pytest.fixture
def hire(site: Site) -> Iterator[Hire]:
    """Start so many workers, which go with the test."""
    hired: list[Worker] = []

    def start(count: int) -> list[Worker]:
        workers = [site.house.start_worker() for _ in range(count)]
        hired.extend(workers)
        return workers

    yield start
    for worker in hired:
        worker.kill()


@pytest.fixture
def open_desk(browser: Browser, site: Site) -> Iterator[OpenDesk]:
    """Sit down: `open_desk()`, or `open_desk(scripts=False)` for a browser without JavaScript."""
    desks: list[Desk] = []

    def open_one(**how: object) -> Desk:
        desks.append(sit_down(browser, site, **how))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.page.context.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Iterator[Desk]:
    """A signed-in person whose browser has nothing to complain about."""
    desk = open_desk()
    yield desk
    assert desk.errors == []
