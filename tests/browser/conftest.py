from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from project.demo.valkey import free_port
from tests.house import Builder, House, wait_for
from tests.services import ON_SQLITE
from tests.worker import Worker

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ORDERS = 3000

# The machine may be busy with other things.
expect.set_options(timeout=20_000)


@dataclass
class Site:
    """A house with its web server, as people reach it."""

    house: House
    url: str

    def start_workers(self) -> None:
        for _ in range(2):
            self.house.start_worker()


@dataclass
class Desk:
    """A signed-in person's page; `errors` is what the browser complained about."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def note_error(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} ({message.location})")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole run: its event loop would keep every later test from using the ORM.
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("The browser tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def site(build_house: Callable[..., House]) -> Site:
    return served(build_house(orders=ORDERS))


@pytest.fixture(scope="module")
def shared_site(_builder: Builder) -> Iterator[Site]:
    """One for all tests of a module that do not mind each other's exports."""
    house = _builder.build(orders=ORDERS, database="sqlite" if ON_SQLITE else "postgresql")
    try:
        yield served(house)
    finally:
        _builder.demolish(house)


def served(house: House) -> Site:
    user = ("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com")
    made = house.manage(*user, DJANGO_SUPERUSER_PASSWORD="secret")
    assert made.returncode == 0, made.stderr
    url = f"http://127.0.0.1:{free_port()}"
    server = house.start("runserver", "--noreload", "--insecure", url.removeprefix("http://"))
    wait_for(lambda: _answers(f"{url}/healthz") or not server.alive, what="the server answers")
    assert server.alive, server.log()
    return Site(house, url)


@pytest.fixture
def hire(site: Site) -> Iterator[Callable[[int], list[Worker]]]:
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
def open_desk(browser: Browser, site: Site) -> Iterator[Callable[..., Desk]]:
    """Sign in: `open_desk()`, or `open_desk(scripts=False)` for a browser without JavaScript."""
    contexts = []

    def sign_in(*, scripts: bool = True) -> Desk:
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, java_script_enabled=scripts
        )
        contexts.append(context)
        # The browser asks for it by itself, and no part of the admin has one.
        context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page = context.new_page()
        desk = Desk(page, site.url)
        page.on("console", desk.note_error)
        page.on("pageerror", lambda error: desk.errors.append(str(error)))
        desk.open("/admin/login/?next=/admin/shop/order/")
        page.fill("#id_username", "ada")
        page.fill("#id_password", "secret")
        page.click("[type=submit]")
        # What is run in the page must not be run in the one before it.
        page.wait_for_url("**/admin/shop/order/")
        return desk

    yield sign_in
    for context in contexts:
        context.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A signed-in person whose browser has nothing to complain about."""
    desk = open_desk()
    yield desk
    assert desk.errors == []


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError):
        return False
