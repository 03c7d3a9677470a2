"""An export is watched in a real browser: to its end, while its workers die, and by any hand."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.browser.conftest import ORDERS, READY_MS, SHARDS, Hire, OpenDesk
from tests.browser.site import JOBS, Desk, Site
from tests.browser.test_export import choose_export, download, state


@pytest.fixture
def page(desk: Desk) -> Page:
    return desk.page


def read_out(page: Page) -> Locator:
    return page.locator("#export-said")


def expect_icon(page: Page, name: str) -> None:
    expect(page.locator("#export-icon")).to_have_attribute("href", re.compile(f"/{name}.*[.]svg$"))


def test_an_export_is_watched_to_its_end(desk: Desk, page: Page, site: Site, hire: Hire) -> None:
    address = site.asked()
    desk.open(address)
    expect(page).to_have_title(re.compile("^0 % · Queued · Orders [|] "))
    expect_icon(page, "0")
    with site.held():
        hire(2)
        expect(state(page)).to_have_text("Reading rows")
        expect(page).to_have_title(re.compile("% · Reading rows · Orders [|] "))
        expect(read_out(page)).to_have_text(re.compile("^Reading rows"))
        # Whoever leaves and comes back has lost nothing.
        desk.open(JOBS)
        expect(page.locator(".export-row .export-bar").first).to_be_visible()
        page.go_back()
        expect(state(page)).to_have_text("Reading rows")

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    expect(page).to_have_title(re.compile("^Ready · Orders [|] "))
    expect_icon(page, "succeeded")
    expect(read_out(page)).to_have_text("Ready")
    expect(page.locator(".export-map .export-cell-rendered")).to_have_count(SHARDS)
    expect(page.locator(".export-step-done")).to_have_count(3)
    expect(page.locator("[hx-get]")).to_have_count(0, timeout=READY_MS)
    with pytest.raises(TimeoutError), page.expect_request("**/part/**", timeout=2500):
        pass
    assert len(download(page)) == ORDERS


def test_killed_workers_are_missed_and_others_take_over(
    desk: Desk, page: Page, site: Site, hire: Hire
) -> None:
    desk.open(site.asked())
    with site.held():
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
    desk.open(site.asked())
    first = page.url
    page.click("button:text('Pause')")
    expect(page.locator(".export-now")).to_contain_text("Resume goes on from there.")
    expect_icon(page, "stopped")
    expect(page.locator("[data-export-again][hx-get]")).to_have_count(0, timeout=READY_MS)
    # What stood still is asked for once more, and goes on.
    page.click("button:text('Resume')")
    expect(page.locator("[data-export-again][hx-get]")).to_have_count(3)
    expect(page.locator("#export-events")).to_contain_text("resumed")
    with site.held():
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


def test_without_scripts_links_and_forms_do_it(open_desk: OpenDesk, hire: Hire) -> None:
    page = open_desk(scripts=False).page
    page.locator("input.action-select").first.check()
    choose_export(page)
    expect(page).to_have_title(re.compile("^0 % · Queued"))
    own = page.url
    page.click("button:text('Pause')")
    expect(state(page)).to_have_text("Paused")
    page.click("button:text('Resume')")
    expect(state(page)).to_have_text("Queued")
    page.click(".breadcrumbs a >> nth=-1")
    row = page.locator(".export-row").first
    row.locator("button:text('Pause')").click()
    expect(row.locator(".export-state")).to_have_text("Paused")
    row.locator("button:text('Resume')").click()
    expect(row.locator(".export-state")).to_have_text("Queued")

    page.goto(own)
    hire(1)
    for _ in range(200):
        if page.locator("a.export-download").count():
            break
        page.click(".export-refresh")
    expect(page).to_have_title(re.compile("^Ready"))
    page.click("#export-shards-table summary")
    expect(page.locator("#export-shards-table td").first).to_be_visible()
    assert len(download(page)) == 1
    page.click("a:text('Delete')")
    page.click("button:text('Yes, delete it')")
    expect(state(page)).to_have_text("Expired")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
