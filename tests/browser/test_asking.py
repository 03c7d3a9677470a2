"""Asking for an export in a real browser: many ticks, the form, presets, another format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import ORDERS, Desk, Site
from tests.browser.test_export import READY_MS, choose_export, download, in_database, state


def test_more_ticks_than_a_form_has_fields_go_as_one(desk: Desk, site: Site) -> None:
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
    expect(state(page)).to_have_text("Queued")
    site.start_workers()
    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    ((keys,),) = site.house.rows("SELECT selection->'keys' FROM exportapp_exportjob")
    assert len(set(keys)) == 100
    assert len(download(page)) == 100


def test_the_form_makes_a_preset_and_a_csv_of_the_columns_ticked(desk: Desk, site: Site) -> None:
    site.start_workers()
    page = desk.page
    desk.open("/admin/exportapp/exportjob/")
    page.click("text=New export")
    page.click(".export-sources a:text-is('Orders')")
    page.check("input[name=columns][value=number]")
    page.check("input[name=columns][value=status]")
    page.select_option("select[name=format]", "csv")
    page.select_option("select[name=delimiter]", ";")
    page.fill("input[name=preset_name]", "for the bank")
    page.click("input[name=save]")
    expect(page.locator(".messagelist")).to_contain_text("for the bank")

    # The page of the preset has what was chosen.
    expect(page.locator("select[name=format]")).to_have_value("csv")
    page.click("input.default")
    expect(state(page)).to_have_text("Ready", timeout=READY_MS)
    with page.expect_download() as started:
        page.click("a.export-download")
    assert started.value.suggested_filename == "orders.csv"
    rows = _rows(started.value.path())
    assert rows[0] == ["Number", "Status"]
    assert sorted(row[0] for row in rows[1:]) == sorted(in_database(site))
    assert len(rows) == ORDERS + 1


def test_what_does_not_go_together_is_said_on_the_form(desk: Desk, site: Site) -> None:
    page = desk.page
    desk.open("/admin/exportapp/exportjob/new/shop.Order/")
    page.select_option("select[name=gzip]", "true")
    page.click("input.default")
    expect(page.locator(".errorlist")).to_contain_text("'gzip' is an option of csv")
    assert site.house.rows("SELECT count(*) FROM exportapp_exportjob") == [(0,)]


def _rows(path: Path | str) -> list[list[str]]:
    text = Path(path).read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
