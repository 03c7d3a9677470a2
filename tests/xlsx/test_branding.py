"""The example of docs/workbook.md, run as it stands there: each of its effects is in the file."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from tests.readers.programs import convert
from tests.readers.readers import LIBREOFFICE
from tests.xlsx.packing import filled

PAGE = Path(__file__).parents[2] / "docs" / "workbook.md"
BRAND = "000B5394"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The branded workbook."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 20), "navy").save("logo.png")
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names = {}
    exec(code, names)
    branded = tmp_path / "branded.xlsx"
    branded.write_bytes(filled(hook=names["brand"]).read())
    return branded


@pytest.fixture
def book(path):
    return openpyxl.load_workbook(path)


def test_the_cover_sheet_comes_first_and_has_the_logo_and_the_chart(book):
    cover = book.worksheets[0]
    assert book.sheetnames == ["Cover", "Orders"]
    assert cover["B2"].value == "ACME orders"
    assert (cover["B2"].font.size, cover["B2"].font.color.rgb) == (24, BRAND)
    assert cover["B4"].value == "=COUNTA('Orders'!A:A)-1"
    (logo,) = cover._images
    assert (logo.width, logo.height) == (40, 20)
    assert len(cover._charts) == 1


def test_the_header_has_its_colours(book):
    cells = book["Orders"][1]
    assert [cell.value for cell in cells][:2] == ["Number", "Customer"]
    assert {cell.fill.fgColor.rgb for cell in cells} == {BRAND}
    assert {cell.font.color.rgb for cell in cells} == {"00FFFFFF"}
    assert book["Orders"].row_dimensions[1].height == 30
    assert book["Orders"].sheet_properties.tabColor.rgb == BRAND


def test_the_print_set_up_repeats_the_header_and_fits_the_width(book):
    sheet = book["Orders"]
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.oddFooter.right.text == "Page &P of &N"


def test_conditional_formats_and_validations_reach_down_the_column(book):
    (formats,) = book["Orders"].conditional_formatting
    (rule,) = formats.rules
    assert str(formats.sqref) == "C2:C1048576"
    assert (rule.operator, rule.formula, rule.dxf.fill.bgColor.rgb) == (
        "greaterThan",
        ["1000"],
        "00F4CCCC",
    )
    (choices,) = book["Orders"].data_validations.dataValidation
    assert (str(choices.sqref), choices.formula1) == ("B2:B1048576", '"new,paid,shipped"')


def test_the_rows_are_there_with_the_formats_of_their_columns(book):
    sheet = book["Orders"]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [1, 2, 3, 4, 5]
    assert sheet["C2"].number_format == "#,##0.00"
    assert sheet["F2"].number_format == "yyyy-mm-dd"


@pytest.mark.skipif(not LIBREOFFICE, reason="LibreOffice is not installed")
def test_libreoffice_keeps_it_and_prints_it(path, tmp_path):
    made = tmp_path / "made"
    (pdf,) = convert([path], "pdf", made)
    (again,) = convert([path], "xlsx", made)
    book = openpyxl.load_workbook(again)

    assert pdf.read_bytes().startswith(b"%PDF-")
    assert book.sheetnames == ["Cover", "Orders"]
    assert book["Orders"].print_title_rows == "$1:$1"
    assert book["Orders"].page_setup.orientation == "landscape"
    assert len(book["Cover"]._images) == 1
    assert len(list(book["Orders"].conditional_formatting)) == 1
    assert len(book["Orders"].data_validations.dataValidation) == 1
    # What it worked out of the cover's formula.
    assert openpyxl.load_workbook(again, data_only=True)["Cover"]["B4"].value == 5
