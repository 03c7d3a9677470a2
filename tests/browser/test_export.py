"""From the click to the opened file, in a real browser against real workers."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import openpyxl
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ORDERS, READY_MS, Hire
from tests.browser.site import JOBS, LIST, Desk, Site


def choose_export(page: Page) -> None:
    page.select_option("select[name=action]", "export_to_excel")
    page.click("button[name=index]")
    start(page)


def export_all(page: Page) -> None:
    page.click("text=Export all 3,000 to Excel")
    start(page)


def start(page: Page) -> None:
    """Press the first button of the page that asks."""
    page.locator("input[name=start]").first.click()


def state(page: Page) -> Locator:
    return page.locator("#export-job h2")


def numbers_in(path: Path | str) -> list[str]:
    # The browser's own copy has a name without a suffix, which openpyxl does not open.
    book = openpyxl.load_workbook(BytesIO(Path(path).read_bytes()))
    rows = book.worksheets[0].iter_rows(min_row=2, max_col=1, values_only=True)
    return [str(row[0]) for row in rows]


def download(page: Page) -> list[str]:
    with page.expect_download() as started:
        page.locator("a.export-download").first.click()
    return numbers_in(started.value.path())


def in_database(site: Site, where: str = "true") -> list[str]:
    return [row[0] for row in site.house.rows(f"SELECT number FROM shop_order WHERE {where}")]


def test_ticked_rows_become_a_file_while_the_bar_is_watched(
    desk: Desk, site: Site, hire: Hire
) -> None:
    page = desk.page
    ticked = page.locator("#result_list tbody th a")
    wanted = [ticked.nth(number).inner_text() for number in range(3)]
    for number in range(3):
        page.locator("input.action-select").nth(number).check()
    choose_export(page)
    expect(page.locator(".messagelist")).to_contain_text("The export has begun.")
    expect(state(page)).to_have_text("Queued")
    with page.expect_response("**/part/job/**"):
        hire(2)

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    assert download(page) == wanted


def test_all_across_pages_with_a_filter_on(desk: Desk, site: Site, hire: Hire) -> None:
    hire(2)
    page = desk.page
    desk.open(f"{LIST}?status__exact=paid")
    page.check("#action-toggle")
    page.click(".question a")
    choose_export(page)

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    wanted = in_database(site, "status = 'paid'")
    assert 100 < len(wanted) < ORDERS
    assert sorted(download(page)) == sorted(wanted)


def test_pause_and_resume_without_leaving_the_page(desk: Desk, site: Site, hire: Hire) -> None:
    page = desk.page
    export_all(page)
    expect(state(page)).to_have_text("Queued")
    page.evaluate("window.stillHere = true")

    # A press that begins before a poll and ends after it is still a click.
    page.locator("button:text('Pause')").hover()
    page.mouse.down()
    for _ in range(2):
        with page.expect_response("**/part/job/**"):
            pass
    page.mouse.up()
    expect(state(page)).to_have_text("Paused")
    expect(page.locator("#export-job [hx-get]")).to_have_count(0)
    page.click("button:text('Resume')")
    expect(state(page)).to_have_text("Queued")
    hire(2)

    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    assert page.evaluate("window.stillHere")
    assert sorted(download(page)) == sorted(in_database(site))


def test_the_list_is_live_in_place(desk: Desk, hire: Hire) -> None:
    page = desk.page
    export_all(page)
    # A page that is still on its way here cannot be left.
    expect(state(page)).to_have_text("Queued")
    desk.open(JOBS)
    row = page.locator(".export-row").first
    page.evaluate("window.stillHere = true")

    # By keyboard: it stays in the row, on no button that nobody chose.
    row.locator("button:text('Pause')").press("Enter")
    expect(row.locator(".export-state")).to_have_text("Paused")
    expect(row.locator(".export-state")).to_be_focused()
    row.locator("button:text('Resume')").click()
    expect(row.locator(".export-state")).to_have_text("Queued")
    hire(2)

    expect(row.locator("a.export-download")).to_be_visible(timeout=READY_MS)
    expect(row).to_contain_text("3,000 rows")
    assert page.evaluate("window.stillHere")
    assert len(download(page)) == ORDERS
