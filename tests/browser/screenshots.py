"""Make the pictures of the documentation: `make screenshots`.

A shop is filled, two workers export it, and the pages are photographed at chosen moments: the
processes that work are halted for as long as it takes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from exportapp.states import ShardState
from tests.browser.site import JOBS, LIST, Desk, Site, chromium, served, sit_down
from tests.house import ROOT, Builder, wait_for
from tests.services import services
from tests.worker import Worker

FOLDER: Final = ROOT / "docs" / "images"
ORDERS: Final = 60_000
SETTINGS: Final = {"EXPORTAPP_SHARD_ROWS": 1000}
WIDTH, HEIGHT, PHONE = 1200, 1000, 375
LARGEST: Final = 200_000
DAMAGE: Final = (
    "UPDATE shop_order SET note = 'Left at the door' || chr(11) || ' of number 7' "
    "WHERE id %% 7001 = 0",
    "UPDATE shop_order SET note = repeat('Please ring twice. ', 2000) WHERE id = 30001",
)
"""Rows whose values cannot be written as they are."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    services.start(servers=True)
    try:
        builder = Builder(services.folder)
        house = builder.build(orders=ORDERS, database="postgresql")
        house.env |= {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_SETTINGS": json.dumps(SETTINGS),
            "LANGUAGE": "en",
        }
        try:
            for statement in DAMAGE:
                house.rows(statement)
            with chromium() as browser:
                Session(browser, served(house)).photograph()
        finally:
            builder.demolish(house)
    finally:
        services.end()


class Session:
    """One visit to the site, with a picture of each page."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self._site = browser, site
        self._workers: list[Worker] = []

    def photograph(self) -> None:
        self._asking()
        self._workers = [self._site.house.start_worker() for _ in range(2)]
        self._earlier()
        assert self._site.house.manage("export_reconcile").returncode == 0
        running = self._site.asked()
        with self._halted(after=30):
            self._shoot("job-running", running, height=1180)
            self._shoot("job-running-dark", running, height=1180, color_scheme="dark")
            self._shoot("job-running-phone", running, phone=True)
            self._shoot("exports", JOBS, height=760)
            self._shoot("exports-phone", JOBS, phone=True)
            self._shoot("exports-chinese", JOBS, height=760, locale="zh-CN")
            self._shoot("operations", f"{JOBS}operations/", height=860)

    def _asking(self) -> None:
        address = f"{LIST}?status__exact=shipped&currency=EUR"
        self._shoot("list", address, height=640)
        with self._desk() as desk:
            desk.open(address)
            desk.page.click(".export-all")
            expect(desk.page.locator("#export-preview tbody tr")).to_have_count(20)
            desk.page.set_viewport_size({"width": WIDTH, "height": 1000})
            _save(desk.page, "asking", full_page=True)

    def _earlier(self) -> None:
        """Exports of other days: three that are ready, one that failed, one that is paused."""
        asked = self._site.asked
        ready = asked()
        self._until(ready, "Ready")
        self._shoot("job-ready", ready, height=1400)
        self._until(asked("--filter", "status=paid", "--format", "csv"), "Ready")
        failed = asked("--policy", "fail")
        self._until(failed, "Failed")
        self._shoot("job-failed", failed, height=900)
        self._until(asked("--filter", "gift=1"), "Ready")
        paused = asked("--filter", "currency=EUR")
        with self._halted(after=10), self._desk() as desk:
            desk.open(paused)
            desk.page.click("button:text('Pause')")
            expect(desk.page.locator(".export-now")).to_be_visible()
        self._until(paused, "Paused")

    def _until(self, address: str, state: str) -> None:
        with self._desk() as desk:
            desk.open(address)
            expect(desk.page.locator("#export-job h2")).to_have_text(state, timeout=120_000)

    @contextmanager
    def _halted(self, after: int) -> Iterator[None]:
        """Whoever works stands still once so many shards are written and the next are begun."""
        written, begun = (
            f"SELECT count(*) FROM exportapp_exportshard WHERE status = '{state}' AND job_id = "
            "(SELECT id FROM exportapp_exportjob ORDER BY created_at DESC LIMIT 1)"
            for state in (ShardState.RENDERED, ShardState.RENDERING)
        )
        rows = self._site.house.rows
        wait_for(lambda: rows(written)[0][0] >= after, what="shards are written")
        wait_for(lambda: rows(begun)[0][0] >= len(self._workers), what="the next are begun")
        horses = [pid for worker in self._workers for pid in worker.horses]
        _signal(horses, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(horses, signal.SIGCONT)

    @contextmanager
    def _desk(self, **how: Any) -> Iterator[Desk]:
        desk = sit_down(self._browser, self._site, **{"locale": "en-GB"} | how)
        # More of the page itself.
        desk.page.add_init_script("localStorage['django.admin.navSidebarIsOpen'] = 'false'")
        try:
            yield desk
        finally:
            desk.page.context.close()

    def _shoot(
        self, name: str, address: str, *, height: int = HEIGHT, phone: bool = False, **how: Any
    ) -> None:
        size = {"width": PHONE, "height": 1000} if phone else {"width": WIDTH, "height": height}
        with self._desk(viewport=size, **how) as desk:
            desk.open(address)
            _save(desk.page, name)


def _save(page: Page, name: str, *, full_page: bool = False) -> None:
    picture = Image.open(BytesIO(page.screenshot(full_page=full_page, animations="disabled")))
    path = FOLDER / f"{name}.png"
    # A page has few colours: a palette of them looks the same and is a third of the size.
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    assert size < LARGEST, f"{path} has {size} bytes"
    sys.stdout.write(
        f"{path.relative_to(ROOT)}: {picture.width} × {picture.height}, {size} bytes\n"
    )


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


if __name__ == "__main__":
    main()
