"""Every page, for everybody: dark and light, large and small, still, in three languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.utils import translation
from playwright.sync_api import Browser, Page, expect

from exportapp.admin.deeds import DEEDS
from exportapp.states import JobState
from project.policy import POLICY
from tests.browser.conftest import READY_MS, OpenDesk
from tests.browser.fairness import faults, too_wide
from tests.browser.site import JOBS, LIST, Desk, Site, sit_down
from tests.browser.test_export import state

NEW = f"{JOBS}new/"
FEW = f"{LIST}?q=SO-0000012"
PLAIN = "/admin/auth/user/"
"""A page of the admin in which we have no part: what is wrong with its header is not ours."""
DESKTOP, ZOOMED, PHONE = 1280, 640, 375
"""Pixels; the second is the first at 200 % of zoom (WCAG 1.4.10)."""


@dataclass(frozen=True)
class Shown:
    """The addresses of pages in which there is something to see."""

    ready: str
    paused: str
    failed: str
    queued: str

    @property
    def all(self) -> list[str]:
        sure = self.ready.replace("change/", "do/discard/")
        jobs = [self.ready, self.paused, self.failed, self.queued, sure, JOBS]
        return [FEW, f"{NEW}shop.Order/", NEW, f"{NEW}order-book/", *jobs, f"{JOBS}operations/"]


@pytest.fixture(scope="module")
def shown(site: Site, browser: Browser) -> Iterator[Shown]:
    """An export of each kind of state; nobody works when this is done."""
    bell = "UPDATE shop_order SET note = %s WHERE id %% 1000 = 0"
    site.house.rows(bell, ["ding \a dong"])
    worker = site.house.start_worker()
    desk = sit_down(browser, site)
    ready = _waited_for(desk, site.asked("--filter", "gift=0"), JobState.SUCCEEDED)
    failed = _waited_for(desk, site.asked("--policy", "fail"), JobState.FAILED)
    worker.kill()
    paused, queued = site.asked("--filter", "status=new"), site.asked("--filter", "status=paid")
    desk.open(paused)
    desk.page.click("button:text('Pause')")
    _waited_for(desk, paused, JobState.PAUSED)
    yield Shown(ready, paused, failed, queued)
    for address in (paused, queued):
        desk.open(address)
        desk.page.click("button:text('Cancel')")
        expect(state(desk.page)).to_have_text("Cancelled")
    desk.page.context.close()
    site.house.rows("UPDATE shop_order SET note = '' WHERE id %% 1000 = 0")


def test_axe_finds_nothing_serious_on_any_page_of_ours(open_desk: OpenDesk, shown: Shown) -> None:
    desk = open_desk(bypass_csp=True)
    page = desk.page
    desk.open(PLAIN)
    of_django = _in_every_light(page)
    ours = {}
    for address in shown.all:
        desk.open(address)
        _unfold(page)
        found = _in_every_light(page)
        ours |= {(address, *each): why for each, why in found.items() if each not in of_django}
    assert ours == {}

    # A link to the file, which can be copied at once.
    desk.open(shown.ready)
    page.click("button:text('Link to the file')")
    expect(page.locator("#export-link")).to_be_focused()
    page.click("button:text('Copy')")
    expect(page.locator("#export-said")).to_have_text("Copied.")
    assert {("light", *each) for each in faults(page)} <= of_django.keys()

    # By the admin's own switch as by the system's.
    desk.open(shown.ready)
    while page.locator("html").get_attribute("data-theme") != "dark":
        page.locator(".theme-toggle").first.click()
    assert faults(page) == {}


def test_no_page_is_wider_than_its_screen(open_desk: OpenDesk, shown: Shown) -> None:
    # German words are the longest; Chinese is broken anywhere.
    for locale in ("de", "zh-CN"):
        desk = open_desk(locale=locale)
        for address in shown.all:
            desk.open(address)
            _unfold(desk.page)
            for width in (ZOOMED, PHONE):
                desk.page.set_viewport_size({"width": width, "height": 740})
                assert too_wide(desk.page) <= 0, (locale, address, width)
        desk.open(JOBS)
        for row in desk.page.locator(".export-row").all():
            # Nor is any of it cut off by a table that moves by itself.
            row.scroll_into_view_if_needed()
            expect(row).to_be_in_viewport(ratio=0.99)
        assert desk.errors == []


def test_pages_speak_chinese(open_desk: OpenDesk, shown: Shown) -> None:
    page = open_desk(locale="zh-CN").page
    names = ("ready", "paused", "failed", "queued")
    states = (JobState.SUCCEEDED, JobState.PAUSED, JobState.FAILED, JobState.QUEUED)
    for name, is_in in zip(names, states, strict=True):
        page.goto(page.url.partition("/admin/")[0] + getattr(shown, name))
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        with translation.override("zh-hans"):
            expect(state(page)).to_have_text(str(is_in.label))
            labels = {str(deed.label) for deed in DEEDS.values()}
        buttons = page.locator("#export-job .export-buttons > *").all_inner_texts()
        assert buttons
        assert set(buttons) <= labels


def test_a_strict_policy_comes_with_every_page_and_the_calendar_works(
    desk: Desk, shown: Shown
) -> None:
    page = desk.page
    for address in [*shown.all, "/admin/", "/admin/shop/order/1/change/"]:
        response = page.goto(desk.url + address)
        assert response
        assert response.header_value("content-security-policy") == POLICY, address
    # A script of the admin that makes its elements by itself.
    page.click(".datetimeshortcuts a:text('Today')")
    expect(page.locator("input[name=created_at_0]")).to_have_value(re.compile(r"\d{4}-\d\d-\d\d"))
    assert "unsafe" not in POLICY


def test_nothing_moves_for_whoever_wants_it_still(open_desk: OpenDesk, shown: Shown) -> None:
    desk = open_desk(reduced_motion="reduce")
    desk.open(shown.queued)
    moving = desk.page.evaluate(
        """() => [...document.querySelectorAll(".export-page *")].filter((element) => {
            const { animationName, transitionDuration } = getComputedStyle(element);
            return animationName !== "none" || parseFloat(transitionDuration) > 0;
        }).map(({ outerHTML }) => outerHTML)"""
    )
    assert moving == []


def _waited_for(desk: Desk, address: str, is_in: JobState) -> str:
    desk.open(address)
    expect(state(desk.page)).to_have_text(str(is_in.label), timeout=READY_MS)
    return address


def _unfold(page: Page) -> None:
    for fold in page.locator(".export-page details").all():
        fold.locator("summary").click()


def _in_every_light(page: Page) -> dict[tuple[str, str, str], str]:
    """Faults by day on a desktop, and by night on a phone."""
    # The way to a list that is not ours; on our pages it is underlined.
    theirs = (
        [".breadcrumbs", "#changelist-search"]
        if page.locator("body.model-order, body.model-user").count()
        else []
    )
    found = {("light", *each): why for each, why in faults(page, *theirs).items()}
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": PHONE, "height": 740})
    found |= {("dark", *each): why for each, why in faults(page, *theirs).items()}
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": DESKTOP, "height": 800})
    return found
