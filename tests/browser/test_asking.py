"""Asking for an export in a real browser: by keyboard, by pointer, without scripts."""

from __future__ import annotations

import csv
import io
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from project.shop.models import Order
from tests.browser.conftest import ORDERS, READY_MS, Hire, OpenDesk
from tests.browser.keyboard import tab_to
from tests.browser.site import Desk, Site
from tests.browser.test_export import choose_export, start, state

ASK = "/admin/exportapp/exportjob/new/shop.Order/"


@pytest.fixture(autouse=True)
def _workers(hire: Hire) -> None:
    hire(1)


@pytest.fixture
def page(desk: Desk) -> Page:
    return desk.page


def test_the_keyboard_alone_renames_moves_and_starts(page: Page) -> None:
    page.focus("text=Export all 3,000 to Excel")
    page.keyboard.press("Enter")
    expect(page.locator(".export-words")).to_have_text("3,000 orders: newest first")
    preview = page.locator("#export-preview")
    expect(preview.locator("th")).to_have_count(11)
    expect(preview.locator("tbody tr")).to_have_count(20)

    tab_to(page, "button[value='none']")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=columns][value=number]")
    page.keyboard.press("Space")
    tab_to(page, "input[name=columns][value=amount]")
    page.keyboard.press("Space")
    tab_to(page, "button[value='up:amount']")
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.locator("#export-moved")).to_have_text("Amount is now number 1 of 12.")
    tab_to(page, "input[name='title-amount']", back=True)
    page.keyboard.press("Control+a")
    page.keyboard.type("Sum")
    # What has the focus can be seen.
    ring = "(field) => getComputedStyle(field).boxShadow + getComputedStyle(field).borderColor"
    focused = page.locator("input[name='title-amount']").evaluate(ring)
    assert focused != page.locator("input[name='title-number']").evaluate(ring)
    page.keyboard.press("Enter")

    rows = finished(page)
    assert rows[0] == ("Sum", "Number")
    assert len(rows) == ORDERS + 1
    assert all(isinstance(row[0], int | float) for row in rows[1:])


def test_columns_are_dragged_renamed_and_given_as_codes_of_the_ticked_rows(page: Page) -> None:
    for number in range(3):
        page.locator("input.action-select").nth(number).check()
    page.select_option("select[name=action]", "export_to_excel")
    page.click("button[name=index]")
    expect(page.locator(".export-words")).to_contain_text("3 orders: 3 ticked rows")
    page.click("button:text('Tick none')")
    page.check("input[value=status]")
    page.check("input[value=number]")
    page.fill("input[name=title-status]", "State & <b>")
    handle = page.locator("tr", has=page.locator("input[value=status]")).locator(".export-handle")
    handle.hover()
    page.mouse.down()
    box = page.locator("input[value=number]").bounding_box()
    assert box
    page.mouse.move(box["x"], box["y"] + 40, steps=5)
    page.mouse.move(box["x"], box["y"], steps=5)
    page.mouse.up()
    expect(page.locator("#export-moved")).to_contain_text("State & <b> is now number 1 of")
    page.check("#id_codes")
    heading = page.locator("#export-preview th").first
    expect(heading).to_have_text("State & <b>")
    shown = page.locator("#export-preview td:first-child").all_inner_texts()
    assert set(shown) <= set(Order.Status.values)
    page.fill("#id_filename", "three of them")
    # What cannot be is said here, with all that was chosen.
    page.fill("#id_filename", "three/of them")
    start(page)
    expect(page.locator(".errornote")).to_contain_text("“three/of them” cannot have /.")
    expect(page.locator("input[name=title-status]")).to_have_value("State & <b>")
    page.fill("#id_filename", "three of them")
    start(page)

    rows = finished(page, "three of them.xlsx")
    assert rows[0] == ("State & <b>", "Number")
    assert [row[0] for row in rows[1:]] == shown


def test_everything_is_asked_without_scripts(open_desk: OpenDesk, site: Site) -> None:
    page = open_desk(scripts=False).page
    page.goto(f"{site.url}/admin/shop/order/?status__exact=paid")
    page.click(".export-all")
    expect(page.locator(".export-words")).to_contain_text("status is Paid, newest first")
    page.click("button:text('Tick none')")
    page.check("input[value=number]")
    page.check("input[value=status]")
    for _ in range(2):
        page.click("button[value='up:status']")
    page.fill("input[name=title-status]", "State")
    page.click("button[name=preview]")
    expect(page.locator("#export-preview th")).to_have_text(["State", "Number"])
    expect(page.locator("#export-preview tbody tr")).to_have_count(20)
    page.select_option("select[name=format]", "csv")
    page.select_option("select[name=delimiter]", ";")
    page.fill("input[name=preset_name]", "without scripts")
    page.click("input[name=save]")
    expect(page.locator(".messagelist")).to_contain_text("without scripts")
    expect(page.locator(".export-words")).to_contain_text("status is Paid, newest first")
    start(page)
    for _ in range(200):
        if page.locator("a.export-download").count():
            break
        page.reload()
    rows = _csv(_downloaded(page, "orders.csv"))
    assert rows[0] == ["State", "Number"]
    assert {row[0] for row in rows[1:]} == {"Paid"}


def test_the_form_makes_a_preset_and_has_a_calendar(desk: Desk, page: Page) -> None:
    desk.open("/admin/exportapp/exportjob/")
    page.click("text=New export")
    page.click(".export-sources a:text-is('Orders')")
    # Options of another format are not in the way, and not sent.
    expect(page.locator("select[name=compact]")).to_be_visible()
    expect(page.locator("select[name=gzip]")).to_be_hidden()
    page.select_option("select[name=format]", "csv")
    expect(page.locator("select[name=compact]")).to_be_hidden()
    page.select_option("select[name=gzip]", "true")
    page.select_option("select[name=format]", "xlsx")
    page.fill("input[name=preset_name]", "for the bank")
    page.click("input[name=save]")
    expect(page.locator(".messagelist")).to_contain_text("for the bank")
    expect(page.locator("select[name=format]")).to_have_value("xlsx")
    expect(page.locator("select[name=use_preset]")).not_to_have_value("")

    # A date has its calendar, and the first rows come as soon as it is there.
    desk.open("/admin/exportapp/exportjob/new/order-book/")
    expect(page.locator("#export-preview")).to_contain_text("Fill in the form")
    page.click(".datetimeshortcuts a:text('Today')")
    page.fill("input[name=p-since]", "2020-01-01")
    page.press("input[name=p-since]", "Tab")
    expect(page.locator("#export-preview caption")).to_have_count(3)


def test_more_ticks_than_a_form_has_fields_go_as_one(desk: Desk) -> None:
    page = desk.page
    # The list page has a hundred; the rest is what a longer list would have sent.
    page.evaluate(
        """() => {
            const form = document.getElementById("changelist-form");
            const tick = form.querySelector("input.action-select");
            for (let copy = 0; copy < 1200; copy++) form.append(tick.cloneNode());
        }"""
    )
    page.check("#action-toggle")
    choose_export(page)
    assert len(finished(page)) == 101


def finished(page: Page, name: str = "orders.xlsx") -> list[tuple[Any, ...]]:
    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    # The browser's own copy has a name without a suffix, which openpyxl does not open.
    book = openpyxl.load_workbook(BytesIO(_downloaded(page, name).read_bytes()))
    return list(book.worksheets[0].iter_rows(values_only=True))


def _downloaded(page: Page, name: str) -> Path:
    with page.expect_download() as started:
        page.click("a.export-download")
    assert started.value.suggested_filename == name
    return Path(started.value.path())


def _csv(path: Path) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
