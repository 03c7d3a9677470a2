"""A site that a browser can visit, and the people who sit before one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from project.demo.valkey import free_port
from tests.house import House, wait_for

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
JOBS = "/admin/exportapp/exportjob/"
LIST = "/admin/shop/order/"
COOKIE = "sessionid"


@dataclass
class Site:
    """A house with its web server, as people reach it."""

    house: House
    url: str
    session: str = ""
    """The key of a session of the person who is signed in already."""

    def asked(self, *args: str) -> str:
        """The address of a new export of all orders, asked for without the browser."""
        asking = ("export_excel", "shop.Order", "--queue", "--user", "ada", "--json")
        done = self.house.manage(*asking, *args)
        assert done.returncode == 0, done.stderr
        ((key,),) = self.house.rows(
            "SELECT id FROM exportapp_exportjob ORDER BY created_at DESC LIMIT 1"
        )
        return f"{JOBS}{key}/change/"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody can read an order meanwhile: whoever exports them is at it for as long."""
        with psycopg.connect(self.house.database_url) as connection:
            connection.execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE")
            yield


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


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises AssertionError where none is installed."""
    program = shutil.which("chromium")
    assert program, "The browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def served(house: House) -> Site:
    """The house with a web server and the superuser ada, whose password is "secret"."""
    user = ("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com")
    made = house.manage(*user, DJANGO_SUPERUSER_PASSWORD="secret")
    assert made.returncode == 0, made.stderr
    url = f"http://127.0.0.1:{free_port()}"
    server = house.start("runserver", "--noreload", "--insecure", url.removeprefix("http://"))
    wait_for(lambda: _answers(f"{url}/healthz") or not server.alive, what="the server answers")
    assert server.alive, server.log()
    return Site(house, url)


def sit_down(browser: Browser, site: Site, *, scripts: bool = True, **how: Any) -> Desk:
    """The list of orders, signed in; `how` is of Playwright's new_context."""
    how = {"viewport": {"width": 1280, "height": 800}} | how
    context = browser.new_context(java_script_enabled=scripts, **how)
    # The browser asks for it by itself, and no part of the admin has one.
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page = context.new_page()
    desk = Desk(page, site.url)
    page.on("console", desk.note_error)
    page.on("pageerror", lambda error: desk.errors.append(str(error)))
    _sign_in(context, desk, site)
    return desk


def _sign_in(context: BrowserContext, desk: Desk, site: Site) -> None:
    """By the form the first time, by its session from then on."""
    if site.session:
        context.add_cookies([{"name": COOKIE, "value": site.session, "url": site.url}])
        desk.open(LIST)
        return
    desk.open(f"/admin/login/?next={LIST}")
    desk.page.fill("#id_username", "ada")
    desk.page.fill("#id_password", "secret")
    desk.page.click("[type=submit]")
    # What is run in the page must not be run in the one before it.
    desk.page.wait_for_url(f"**{LIST}")
    site.session = next(
        str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == COOKIE
    )


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError):
        return False
