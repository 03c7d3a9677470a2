"""The workbook around the rows."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta, timezone

import openpyxl
import pytest
from openpyxl.styles import Font

from exportapp.xlsx import (
    LimitExceeded,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    XlsxError,
    build_skeleton,
    style_indexes,
    with_properties,
)
from tests.xlsx.books import COLUMNS, CREATED


def packed(skeleton):
    out = io.BytesIO()
    with PackageWriter(out) as package:
        for part in (*skeleton.parts, *skeleton.sheets):
            package.add(part.name, part.data if part in skeleton.parts else part.head + part.tail)
    return out


def book_of(*plans, columns=COLUMNS, properties=None, **options):
    skeleton = build_skeleton(columns, plans, properties=properties or {}, **options)
    return openpyxl.load_workbook(packed(skeleton))


def columns_of(*titles):
    return [SheetColumn(title=title, width=10.0) for title in titles]


def styles_in(head):
    """The style number of every `<col>` of a sheet."""
    columns = [re.search(rb'style="(\d+)"', col) for col in re.findall(rb"<col [^>]*>", head)]
    return [int(found[1]) if found else 0 for found in columns]


def test_a_sheet_has_a_frozen_header_and_a_filter_over_its_true_range():
    sheet = book_of(SheetPlan("Orders", 500))["Orders"]
    assert [cell.value for cell in sheet[1]] == [column.title for column in COLUMNS]
    assert all(cell.font.bold for cell in sheet[1])
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G501"


def test_the_dimension_is_that_of_the_rows_to_come():
    skeleton = build_skeleton(COLUMNS, [SheetPlan("Orders", 500)], properties={})
    assert b'<dimension ref="A1:G501"' in skeleton.sheets[0].head


def test_head_and_tail_meet_where_rows_belong():
    sheet = build_skeleton(COLUMNS, [SheetPlan("Orders", 1)], properties={}).sheets[0]
    assert sheet.head.endswith(b"</c></row>")
    assert sheet.tail.startswith(b"</sheetData>")


def test_columns_have_their_width_format_and_alignment():
    dimensions = book_of(SheetPlan("Orders", 1))["Orders"].column_dimensions
    assert [dimensions[letter].width for letter in "ABC"] == [12, 30, 14]
    assert dimensions["C"].number_format == "#,##0.00"
    assert dimensions["C"].alignment.horizontal == "right"
    assert dimensions["E"].alignment.horizontal == "center"


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


@pytest.mark.parametrize("title", ["=1+1", "#N/A", "2026-01-31", "a & <b>", " edge "])
def test_a_title_stays_the_text_it_is(title):
    cell = book_of(SheetPlan("Orders", 1), columns=columns_of(title))["Orders"]["A1"]
    assert (cell.value, cell.data_type) == (title, "s")


def test_a_title_loses_what_xml_cannot_hold():
    cell = book_of(SheetPlan("Orders", 1), columns=columns_of("a\x00b\ud800c"))["Orders"]["A1"]
    assert cell.value == "a\ufffdb\ufffdc"


def test_notes_are_a_last_sheet_of_text():
    book = book_of(SheetPlan("Notes", 1), notes=[("Rows", "=1+1"), ("Cut", "3")])
    assert book.sheetnames == ["Notes", "Notes (2)"]
    rows = [[cell.value for cell in row] for row in book["Notes (2)"].iter_rows()]
    assert rows == [["Rows", "=1+1"], ["Cut", "3"]]


def test_properties_are_kept_and_modified_is_created():
    zone = timezone(timedelta(hours=2))
    properties = {
        "title": "Orders",
        "creator": "Ada",
        "description": "All\x00",
        "created": CREATED.replace(tzinfo=UTC).astimezone(zone),
    }
    found = book_of(SheetPlan("Orders", 1), properties=properties).properties
    assert (found.title, found.creator, found.description) == (
        "Orders",
        "Ada",
        "All\ufffd",
    )
    assert found.created.replace(tzinfo=None) == CREATED
    assert found.modified.replace(tzinfo=None) == CREATED


def test_a_workbook_without_a_date_is_of_no_particular_day():
    created = book_of(SheetPlan("Orders", 1)).properties.created
    assert created.replace(tzinfo=None) == datetime(1980, 1, 1)


def test_equal_input_gives_equal_bytes():
    one, two = (
        build_skeleton(
            COLUMNS,
            [SheetPlan("Orders", 1)],
            properties={"title": "T"},
            notes=[("a", "b")],
        )
        for _ in range(2)
    )
    assert one == two


def test_the_content_types_come_first():
    skeleton = build_skeleton(COLUMNS, [SheetPlan("Orders", 1)], properties={})
    assert skeleton.parts[0].name == "[Content_Types].xml"


def test_a_sheet_without_rows_is_a_header():
    sheet = book_of(SheetPlan("Orders", 0))["Orders"]
    assert (sheet.max_row, sheet.auto_filter.ref) == (1, "A1:G1")


@pytest.mark.parametrize(
    ("columns", "plans", "error", "reason"),
    [
        ([], [SheetPlan("A", 1)], XlsxError, "it has 0"),
        (COLUMNS, [], XlsxError, "at least 1 sheet"),
        (columns_of("x") * 16_385, [SheetPlan("A", 1)], LimitExceeded, "16385"),
        (COLUMNS, [SheetPlan("A", 1_048_576)], LimitExceeded, "1048577"),
        (COLUMNS, [SheetPlan("A", 1), SheetPlan("a", 1)], XlsxError, "'a'"),
        (COLUMNS, [SheetPlan("a/b", 1)], XlsxError, "'a/b'"),
        (columns_of("x"), [SheetPlan("A", 1, (COLUMNS[2],))], XlsxError, "in no table"),
    ],
)
def test_what_no_workbook_holds_is_refused_with_its_number(columns, plans, error, reason):
    with pytest.raises(error, match=reason):
        build_skeleton(columns, plans, properties={})


def test_a_property_that_is_none_is_refused():
    with pytest.raises(XlsxError, match="'colour'"):
        build_skeleton(COLUMNS, [SheetPlan("A", 1)], properties={"colour": "red"})


def test_properties_that_come_later_make_the_same_file_as_those_from_the_beginning():
    told = {"title": "Orders", "creator": "Ann <ann@example.com>", "created": datetime(2026, 1, 2)}
    plans = [SheetPlan("Orders", 1)]
    at_once = build_skeleton(COLUMNS, plans, properties=told)
    later = with_properties(build_skeleton(COLUMNS, plans, properties={}), told)
    assert later == at_once
    assert openpyxl.load_workbook(packed(later)).properties.creator == "Ann <ann@example.com>"
