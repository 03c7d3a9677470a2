"""An export is watched in a real browser: to its end, while its workers die, and by any hand."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from playwright.sync_api import Locator, Page, Route, TimeoutError, expect

from tests.browser.conftest import ORDERS, Desk, Site, served
from tests.browser.test_export import POLICY, READY_MS, download, state
from tests.house import Builder
from tests.worker import Worker

SETTINGS = {"EXPORTAPP_SHARD_ROWS": 500, "EXPORTAPP_BEAT_SECONDS": 0.2}
JOBS = "/admin/exportapp/exportjob/"
Hire = Callable[[int], list[Worker]]


@pytest.fixture(scope="module")
def site(_builder: Builder) -> Iterator[Site]:
    house = _builder.build(orders=ORDERS, database="postgresql")
    told = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_SETTINGS": json.dumps(SETTINGS)}
    house.env |= told
    try:
        yield served(house)
    finally:
        _builder.demolish(house)


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    """Of somebody whose site sends a strict policy with every page."""

    def with_policy(route: Route) -> None:
        response = route.fetch()
        headers = response.headers | {"content-security-policy": POLICY}
        route.fulfill(response=response, headers=headers)

    desk.page.route("**/exportjob/**", with_policy)
    yield desk.page
    desk.page.unroute_all(behavior="wait")


def asked(site: Site) -> str:
    """The address of a new export of all orders; how it is asked for is another test's."""
    done = site.house.manage("export_excel", "shop.Order", "--queue", "--user", "ada", "--json")
    assert done.returncode == 0, done.stderr
    ((key,),) = site.house.rows(
        "SELECT id FROM exportapp_exportjob ORDER BY created_at DESC LIMIT 1"
    )
    return f"{JOBS}{key}/change/"


@contextmanager
def held(site: Site) -> Iterator[None]:
    """Nobody can read an order meanwhile, so whoever exports them is at it for as long."""
    with psycopg.connect(site.house.database_url) as connection:
        connection.execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE")
        yield


def read_out(page: Page) -> Locator:
    return page.locator("#export-said")


def expect_icon(page: Page, name: str) -> None:
    expect(page.locator("#export-icon")).to_have_attribute("href", re.compile(f"/{name}.*[.]svg$"))


def test_an_export_is_watched_to_its_end(desk: Desk, page: Page, site: Site, hire: Hire) -> None:
    address = asked(site)
    desk.open(address)
    expect(page).to_have_title(re.compile("^0 % · Queued · Orders [|] "))
    expect_icon(page, "0")
    with held(site):
        hire(2)
        expect(state(page)).to_have_text("Reading rows")
        expect(page).to_have_title(re.compile("% · Reading rows · Orders [|] "))
        expect(read_out(page)).to_have_text(re.compile("^Reading rows"))
        # Whoever leaves and comes back has lost nothing.
        desk.open(JOBS)
        expect(page.locator(".export-row .export-bar")).to_be_visible()
        page.go_back()
        expect(state(page)).to_have_text("Reading rows")

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    expect(page).to_have_title(re.compile("^Ready · Orders [|] "))
    expect_icon(page, "succeeded")
    expect(read_out(page)).to_have_text("Ready")
    expect(page.locator(".export-map .export-cell-rendered")).to_have_count(6)
    expect(page.locator(".export-step-done")).to_have_count(3)
    expect(page.locator("[hx-get]")).to_have_count(0, timeout=10_000)
    with pytest.raises(TimeoutError), page.expect_request("**/part/**", timeout=2500):
        pass
    assert len(download(page)) == ORDERS


def test_killed_workers_are_missed_and_others_take_over(
    desk: Desk, page: Page, site: Site, hire: Hire
) -> None:
    desk.open(asked(site))
    with held(site):
        workers = hire(2)
        expect(state(page)).to_have_text("Reading rows")
        for worker in workers:
            horses = worker.horses
            worker.kill()
            for horse in horses:
                _kill(horse)
        expect(page.locator(".export-silent")).to_contain_text("No sign of life")
        expect(read_out(page)).to_have_text("Reading rows: the workers give no sign of life.")
    hire(1)
    assert site.house.manage("export_reconcile").returncode == 0

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    expect(page.locator(".export-silent")).to_have_count(0)
    expect(page.locator("#export-events")).to_contain_text("recovered from a lost worker")
    assert len(set(download(page))) == ORDERS


def test_cancel_start_over_and_delete_say_what_happens(
    desk: Desk, page: Page, site: Site, hire: Hire
) -> None:
    desk.open(asked(site))
    first = page.url
    page.click("button:text('Pause')")
    expect(page.locator(".export-now")).to_contain_text("Resume goes on from there.")
    expect_icon(page, "stopped")
    # What stood still is asked for once more, and goes on.
    page.click("button:text('Resume')")
    expect(page.locator("#export-events[hx-get]")).to_have_count(1)
    expect(page.locator("#export-events")).to_contain_text("resumed")
    with held(site):
        hire(1)
        expect(state(page)).to_have_text("Reading rows")
        page.click("button:text('Cancel')")
        expect(page.locator(".export-now")).to_contain_text("workers finish the rows in hand")
    expect(state(page)).to_have_text("Cancelled")
    page.click("button:text('Start over')")
    expect(page.locator(".messagelist")).to_contain_text("this is a new export")
    assert page.url != first
    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    page.click("a:text('Delete')")
    page.click("button:text('Yes, delete it')")
    expect(page.locator(".messagelist")).to_contain_text("stays on record")
    expect(state(page)).to_have_text("Expired")
    expect(page.locator("a.export-download")).to_have_count(0)


def test_without_scripts_links_and_forms_do_it(
    open_desk: Callable[..., Desk], site: Site, hire: Hire
) -> None:
    desk = open_desk(scripts=False)
    page = desk.page
    desk.open(asked(site))
    expect(page).to_have_title(re.compile("^0 % · Queued"))
    hire(1)
    for _ in range(200):
        if page.locator("a.export-download").count():
            break
        page.click(".export-refresh")
    expect(page).to_have_title(re.compile("^Ready"))
    page.click("#export-shards-table summary")
    expect(page.locator("#export-shards-table td").first).to_be_visible()
    assert len(download(page)) == ORDERS
    desk.open(JOBS)
    page.click(".export-discard >> nth=0")
    page.click("button:text('Yes, delete it')")
    expect(state(page)).to_have_text("Expired")


def test_every_page_fits_a_phone_and_200_percent(
    desk: Desk, page: Page, site: Site, hire: Hire
) -> None:
    hire(1)
    own = asked(site)
    desk.open(own)
    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    page.click("#export-shards-table summary")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    for address in (own, JOBS, f"{JOBS}operations/"):
        desk.open(address)
        # A phone, and a small laptop at 200 %.
        for width in (360, 640):
            page.set_viewport_size({"width": width, "height": 740})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (address, width, wide)
            if address == JOBS:
                expect(page.locator(".export-row").first).to_be_in_viewport(ratio=0.99)
    expect(page.locator("#export-workers")).to_contain_text("Workers alive")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
