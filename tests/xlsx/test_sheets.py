"""What a sheet says of itself besides its rows."""

from __future__ import annotations

from openpyxl.chart import BarChart

from exportapp.xlsx import SheetPlan, build_skeleton
from tests.xlsx.books import COLUMNS
from tests.xlsx.packing import book_of


def test_texts_of_digits_have_no_warning_on_each():
    def brand(book):
        book["Orders"].add_chart(BarChart(), "J2")

    plans = [SheetPlan("Orders", 5), SheetPlan("Empty", 0)]
    orders, empty = build_skeleton(COLUMNS, plans, properties={}, hook=brand).sheets
    quiet = b'<ignoredErrors><ignoredError sqref="A2:G6" numberStoredAsText="1" /></ignoredErrors>'
    assert quiet + b"<drawing " in orders.tail
    assert b"ignoredErrors" not in empty.tail


def test_a_sheet_may_be_read_from_right_to_left():
    book = book_of(SheetPlan("Left", 1), SheetPlan("Right", 1, right_to_left=True))
    assert [bool(sheet.sheet_view.rightToLeft) for sheet in book] == [False, True]
