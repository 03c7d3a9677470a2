"""Styles of a workbook: their numbers in rows and columns, which no hook may move."""

from __future__ import annotations

import re

import openpyxl
import pytest
from openpyxl.styles import Font

from exportapp.xlsx import (
    SheetPlan,
    XlsxError,
    build_skeleton,
    style_indexes,
)
from tests.xlsx.books import COLUMNS
from tests.xlsx.test_workbook import book_of, columns_of, packed


def styles_in(head):
    """The style number of every `<col>` of a sheet."""
    columns = [re.search(rb'style="(\d+)"', col) for col in re.findall(rb"<col [^>]*>", head)]
    return [int(found[1]) if found else 0 for found in columns]


def test_styles_are_numbered_behind_the_header_in_the_order_of_first_appearance():
    assert style_indexes(COLUMNS) == [0, 0, 2, 0, 3, 4, 5]
    assert style_indexes([*COLUMNS[2:], *COLUMNS]) == [2, 0, 3, 4, 5] + [0, 0, 2, 0, 3, 4, 5]


@pytest.mark.parametrize("sheets", [1, 3])
def test_the_columns_of_every_sheet_name_the_styles_that_the_rows_do(sheets):
    plans = [SheetPlan(f"Sheet {number}", 1) for number in range(sheets)]
    for sheet in build_skeleton(COLUMNS, plans, properties={}).sheets:
        assert styles_in(sheet.head) == style_indexes(COLUMNS)


@pytest.mark.parametrize("shown", [(0, 1, 2), (2,), (2, 0), (1,)])
def test_sheets_of_other_columns_share_one_table_of_styles(shown):
    sets = [tuple(COLUMNS[3:]), tuple(COLUMNS[:3]), (COLUMNS[4], *columns_of("Remark"))]
    all_columns = [column for columns in sets for column in columns]
    plans = [SheetPlan(f"Sheet {number}", number, sets[number]) for number in shown]
    skeleton = build_skeleton(all_columns, plans, properties={})
    book = openpyxl.load_workbook(packed(skeleton))
    indexes = style_indexes(all_columns)

    for number, part in zip(shown, skeleton.sheets, strict=True):
        before = sum(map(len, sets[:number]))
        sheet = book[f"Sheet {number}"]
        assert styles_in(part.head) == indexes[before : before + len(sets[number])]
        assert [cell.value for cell in sheet[1]] == [column.title for column in sets[number]]
        assert sheet.auto_filter.ref == f"A1:{'ABCD'[len(sets[number]) - 1]}{number + 1}"


def test_a_style_number_stands_for_the_format_and_alignment_of_its_column():
    book = book_of(SheetPlan("Orders", 1))
    formats = book._cell_styles
    for column, index in zip(COLUMNS, style_indexes(COLUMNS), strict=True):
        cell = book["Orders"].cell(5, 1)
        cell._style = formats[index]
        assert (cell.number_format, cell.alignment.horizontal) == column.style


def test_a_hook_may_add_sheets_and_styles_without_moving_those_of_the_rows():
    def brand(book):
        cover = book.create_sheet("Cover", 0)
        cover["A1"] = "ACME"
        cover["A1"].font = Font(size=30)
        cover["A1"].number_format = "0.000"
        book["Orders"]["A1"].font = Font(italic=True)

    skeleton = build_skeleton(COLUMNS, [SheetPlan("Orders", 1)], properties={}, hook=brand)
    book = openpyxl.load_workbook(packed(skeleton))
    assert book.sheetnames == ["Cover", "Orders"]
    assert b"Customer" in skeleton.sheets[0].head
    assert styles_in(skeleton.sheets[0].head) == style_indexes(COLUMNS)


def forget_styles(book):
    book._number_formats.clear()
    book._number_formats.add("0.0")


def test_fonts_are_in_the_order_of_excel_which_its_validators_ask_for():
    def brand(book):
        book.active["A1"].font = Font(
            name="A > B",
            size=9,
            bold=True,
            italic=True,
            color="112233",
            charset=1,
            vertAlign="baseline",
        )

    skeleton = build_skeleton(COLUMNS, [SheetPlan("Orders", 1)], properties={}, hook=brand)
    styles = next(part.data for part in skeleton.parts if part.name == "xl/styles.xml").decode()
    fonts = re.findall(r"<font>(.*?)</font>", styles)

    assert [re.findall(r"<(\w+)", font) for font in fonts] == [
        ["sz", "color", "name", "family", "scheme"],
        ["b", "sz", "name"],
        ["b", "i", "vertAlign", "sz", "color", "name", "charset"],
    ]
    assert '<name val="A &gt; B" />' in fonts[2]


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (lambda book: book["Orders"].append([1, 2]), "rows in the sheet 'Orders'"),
        (lambda book: book["Orders"].insert_rows(1), "rows in the sheet 'Orders'"),
        (lambda book: book.remove(book["Orders"]), "removed the sheet 'Orders'"),
        (forget_styles, "Cell style"),
    ],
)
def test_a_hook_that_moves_what_the_rows_rely_on_is_refused(hook, reason):
    with pytest.raises(XlsxError, match=reason):
        build_skeleton(
            COLUMNS,
            [SheetPlan("Orders", 1), SheetPlan("More", 1)],
            properties={},
            hook=hook,
        )
