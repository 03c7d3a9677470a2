"""From the login to the opened file by keyboard alone: it is always seen where it is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import ORDERS, READY_MS, Hire, OpenDesk
from tests.browser.keyboard import has_ring, skip_navigation, tab_to
from tests.browser.site import LIST, Desk, Site
from tests.browser.test_export import numbers_in, state


def go(page: Page, selector: str) -> None:
    tab_to(page, selector)
    assert has_ring(page), selector
    page.keyboard.press("Enter")


def test_from_the_login_to_the_file_without_a_mouse(
    open_desk: OpenDesk, site: Site, hire: Hire
) -> None:
    desk = open_desk()
    page = desk.page
    page.context.clear_cookies()
    desk.open(f"/admin/login/?next={LIST}")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{LIST}")
    skip_navigation(page)
    go(page, ".export-all")
    expect(page.locator(".export-words")).to_be_visible()
    skip_navigation(page)
    go(page, "input[name=start]")
    expect(state(page)).to_have_text("Queued")

    skip_navigation(page)
    go(page, "button:text('Pause')")
    expect(state(page)).to_have_text("Paused")
    # The button is gone. The next one is a step away, not under the finger.
    expect(state(page)).to_be_focused()
    assert has_ring(page)
    go(page, "button:text('Resume')")
    expect(state(page)).to_have_text("Queued")
    expect(state(page)).to_be_focused()
    tab_to(page, "button:text('Cancel')")
    with site.held():
        hire(2)
        expect(state(page)).to_have_text("Reading rows")
        # The part around it was replaced while it had the focus.
        expect(page.locator("button:text('Cancel')")).to_be_focused()
        tab_to(page, "#export-events .export-wide")
        with page.expect_response("**/part/events/**"):
            pass
        expect(page.locator("#export-events .export-wide")).to_be_focused()
    expect(page).to_have_title(re.compile("^Ready"), timeout=READY_MS)
    tab_to(page, "a.export-download", back=True)
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert len(numbers_in(started.value.path())) == ORDERS
    assert desk.errors == []


def test_a_click_moves_the_focus_without_a_ring(desk: Desk, site: Site) -> None:
    page = desk.page
    desk.open(site.asked())
    page.click("button:text('Pause')")
    expect(state(page)).to_have_text("Paused")
    expect(state(page)).to_be_focused()
    assert not has_ring(page)
    # Nobody is meant to work on it after this test.
    page.click("button:text('Cancel')")
    expect(state(page)).to_have_text("Cancelled")
