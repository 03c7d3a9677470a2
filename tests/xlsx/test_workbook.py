"""The workbook around the rows."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone

import openpyxl
import pytest

from exportapp.xlsx import (
    LimitExceeded,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    XlsxError,
    build_skeleton,
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
