"""Any value goes in and comes out the same."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import from_excel
from openpyxl.utils.escape import unescape

from exportapp.xlsx import CellColumn, Kind
from tests.xlsx.books import book_of, values_of

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("_x0041\r\n\t &<>\x00"), max_size=40)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 30))
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@given(st.lists(TEXTS | st.none(), min_size=1, max_size=5))
def test_text_comes_back_as_it_was_but_for_what_xml_cannot_hold(texts):
    found = values_of(CellColumn(kind=Kind.TEXT), pa.array(texts, pa.string()))
    decoded = [text and unescape(text) for text in found]
    assert decoded == [ILLEGAL.sub("\ufffd", text) if text else None for text in texts]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_integers_come_back_exactly(numbers):
    found = values_of(CellColumn(kind=Kind.INTEGER), pa.array(numbers, pa.int64()))
    assert [text and int(text) for text in found] == numbers


@given(st.lists(FINITE | st.none(), min_size=1))
def test_floats_come_back_exactly(numbers):
    found = values_of(CellColumn(kind=Kind.FLOAT), pa.array(numbers, pa.float64()))
    assert [text and float(text) for text in found] == numbers


@given(st.lists(st.decimals(places=3, allow_nan=False, allow_infinity=False), min_size=1))
def test_decimals_come_back_digit_by_digit(numbers):
    texts = [f"{number:f}" for number in numbers]
    assert values_of(CellColumn(kind=Kind.DECIMAL), pa.array(texts, pa.string())) == texts


@given(st.lists(MOMENTS, min_size=1))
def test_moments_come_back_to_the_precision_of_a_double(moments):
    found = values_of(CellColumn(kind=Kind.DATETIME), pa.array(moments, pa.timestamp("us")))
    for moment, text in zip(moments, found, strict=True):
        shown = datetime(1899, 12, 30) + timedelta(days=float(text or 0))
        # A double near the serial of the year 9999 has steps of 40 microseconds.
        assert abs(shown - moment) <= timedelta(microseconds=41)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", None])
def test_openpyxl_reads_the_wall_clock(zone):
    moment = datetime.fromisoformat("2026-07-01T10:20:30+00:00")
    column = CellColumn(kind=Kind.DATETIME, time_zone=zone)
    book = openpyxl.load_workbook(book_of(column, pa.array([moment], pa.timestamp("us", tz="UTC"))))
    serial = book.worksheets[0]["A2"].value
    offset = {"Asia/Kolkata": 5.5, "America/St_Johns": -2.5, None: 0}[zone]
    shown = from_excel(serial)
    assert shown == moment.replace(tzinfo=None) + timedelta(hours=offset)
