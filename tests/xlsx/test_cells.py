"""What every kind of value looks like in the sheet, written by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest

from exportapp.xlsx import (
    CellColumn,
    Kind,
    LimitExceeded,
    XlsxError,
    cells,
    render_rows,
)
from tests.xlsx.books import CELLS, cells_of, orders, xml_of

STRING = pa.string()
MOMENT = pa.timestamp("us")
AWARE = pa.timestamp("us", tz="UTC")
LONG = "😀" * 16_384


def number(text: str) -> str:
    return f"><v>{text}</v></c>"


def text(value: str) -> str:
    return f't="inlineStr"><is><t>{value}</t></is></c>'


def kept(value: str) -> str:
    return f't="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


GALLERY = [
    (Kind.TEXT, STRING, "abc", text("abc")),
    (Kind.TEXT, pa.large_string(), "abc", text("abc")),
    (Kind.TEXT, STRING, "", None),
    (Kind.TEXT, STRING, None, None),
    (Kind.TEXT, STRING, "=1+1", text("=1+1")),
    (Kind.TEXT, STRING, "0049", text("0049")),
    (Kind.TEXT, STRING, "a & b < c > d", text("a &amp; b &lt; c &gt; d")),
    (Kind.TEXT, STRING, "&amp;", text("&amp;amp;")),
    (Kind.TEXT, STRING, "é😀漢", text("é😀漢")),
    (Kind.TEXT, STRING, " left", kept(" left")),
    (Kind.TEXT, STRING, "right ", kept("right ")),
    (Kind.TEXT, STRING, "two\nlines", kept("two\nlines")),
    (Kind.TEXT, STRING, "two\tcells", kept("two\tcells")),
    (Kind.TEXT, STRING, "a\rb", text("a_x000D_b")),
    (Kind.TEXT, STRING, "a\r\nb", kept("a_x000D_\nb")),
    (Kind.TEXT, STRING, "a\x00\x1fb\x7f", text("a\ufffd\ufffdb\x7f")),
    (Kind.TEXT, STRING, "\ufffe\uffff", text("\ufffd\ufffd")),
    (Kind.TEXT, STRING, "_x0041_", text("_x005F_x0041_")),
    (
        Kind.TEXT,
        STRING,
        "_x0041_x0042_x0043_",
        text("_x005F_x0041_x005F_x0042_x005F_x0043_"),
    ),
    (Kind.TEXT, STRING, "my_xray_x12_X0041_", text("my_xray_x12_X0041_")),
    (Kind.TEXT, STRING, LONG, text(LONG[:-1])),
    (Kind.TEXT, STRING, "&" * 32_768, text("&amp;" * 32_767)),
    (Kind.TEXT, STRING, "\n" * 253 + "a\rb", kept("\n" * 253 + "a_x000D_b")),
    (Kind.TEXT, STRING, "a\n" * 254 + "\nb\n", kept("a\n" * 253 + "a  b ")),
    (Kind.TEXT, STRING, "\n" * 40_000, kept("\n" * 253 + " " * (32_767 - 253))),
    (Kind.INTEGER, pa.int64(), 0, number("0")),
    (Kind.INTEGER, pa.int64(), -(10**15) + 1, number("-999999999999999")),
    (Kind.INTEGER, pa.int64(), 10**15, text("1000000000000000")),
    (Kind.INTEGER, pa.int64(), -(2**63), text("-9223372036854775808")),
    (Kind.INTEGER, STRING, "12", number("12")),
    (Kind.INTEGER, STRING, "4000000000000000000", text("4000000000000000000")),
    (Kind.DECIMAL, STRING, "-12.50", number("-12.50")),
    (Kind.DECIMAL, STRING, "0.0000000000000000012", number("0.0000000000000000012")),
    (Kind.DECIMAL, STRING, "123456789012345.00", number("123456789012345.00")),
    (Kind.DECIMAL, STRING, "1234567890123.456", text("1234567890123.456")),
    (Kind.DECIMAL, STRING, "NaN", text("NaN")),
    (Kind.DECIMAL, STRING, "", None),
    (Kind.FLOAT, pa.float64(), 0.1, number("0.1")),
    (Kind.FLOAT, pa.float64(), 0.1 + 0.2, number("0.30000000000000004")),
    (Kind.FLOAT, pa.float64(), -0.0, number("0")),
    (Kind.FLOAT, pa.float64(), 1e300, number("1e+300")),
    (Kind.FLOAT, pa.float64(), float("nan"), text("NaN")),
    (Kind.FLOAT, pa.float64(), float("inf"), text("Infinity")),
    (Kind.FLOAT, pa.float64(), float("-inf"), text("-Infinity")),
    (Kind.BOOLEAN, pa.bool_(), True, 't="b"><v>1</v></c>'),
    (Kind.BOOLEAN, pa.bool_(), False, 't="b"><v>0</v></c>'),
    (Kind.BOOLEAN, pa.bool_(), None, None),
    (Kind.DATE, pa.date32(), date(1970, 1, 1), number("25569")),
    (Kind.DATE, pa.date32(), date(1900, 3, 1), number("61")),
    (Kind.DATE, pa.date32(), date(1900, 2, 28), text("1900-02-28")),
    (Kind.DATE, pa.date32(), date.min, text("0001-01-01")),
    (Kind.DATE, pa.date32(), date.max, number("2958465")),
    (Kind.DATETIME, MOMENT, datetime(2026, 1, 31, 12), number("46053.5")),
    (
        Kind.DATETIME,
        MOMENT,
        datetime(1899, 12, 31, 6, 7, 8),
        text("1899-12-31T06:07:08"),
    ),
    (Kind.DATETIME, MOMENT, datetime.min, text("0001-01-01T00:00:00")),
    (Kind.DATETIME, MOMENT, datetime.max, text("9999-12-31T23:59:59.999999")),
    (Kind.DATETIME, MOMENT, datetime(9999, 12, 31, 12), number("2958465.5")),
    (Kind.DATETIME, AWARE, datetime(2026, 1, 31, 12, tzinfo=UTC), number("46053.5")),
    (Kind.TIME, pa.time64("us"), time(18), number("0.75")),
    (Kind.TIME, pa.time64("us"), time(0), number("0")),
    (Kind.DURATION, pa.duration("us"), timedelta(days=2, hours=6), number("2.25")),
    (Kind.DURATION, pa.duration("us"), timedelta(hours=-36), number("-1.5")),
    (Kind.DURATION, pa.duration("us"), None, None),
]


@pytest.mark.parametrize(("kind", "storage", "value", "expected"), GALLERY)
def test_a_value_is_written_as_its_kind_says(kind, storage, value, expected):
    assert cells_of(CellColumn(kind=kind), pa.array([value], storage)) == [expected]


@pytest.mark.parametrize(("kind", "storage", "value", "expected"), GALLERY)
def test_a_value_is_written_alike_whatever_stands_above_and_below_it(
    kind, storage, value, expected
):
    column = [row for row in GALLERY if row[:2] == (kind, storage)]
    array = pa.array([row[2] for row in column], storage)
    assert cells_of(CellColumn(kind=kind), array) == [row[3] for row in column]


def test_a_dictionary_column_is_written_as_its_values():
    plain = pa.array(["a & b", None, "", " c", "a & b"], STRING)
    column = CellColumn(kind=Kind.TEXT, style=4)
    assert xml_of(column, plain.dictionary_encode()) == xml_of(column, plain)


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.DECIMAL])
def test_a_number_column_can_be_text_throughout(kind):
    column = CellColumn(kind=kind, as_text=True)
    assert cells_of(column, pa.array(["7", None])) == [text("7"), None]


def test_an_integer_column_can_be_text_throughout():
    column = CellColumn(kind=Kind.INTEGER, as_text=True)
    assert cells_of(column, pa.array([7], pa.int64())) == [text("7")]


def test_a_moment_is_shown_by_the_wall_clock_of_its_zone_on_both_sides_of_a_clock_change():
    moments = [datetime(2026, 3, 29, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    column = CellColumn(kind=Kind.DATETIME, time_zone="Europe/Berlin")
    shown = cells_of(column, pa.array(moments, AWARE))
    assert shown == [number("46110.0625"), number("46110.145833333336")]


def test_the_first_and_last_moments_survive_a_zone():
    column = CellColumn(kind=Kind.DATETIME, time_zone="America/New_York")
    moments = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    first, last = cells_of(column, pa.array(moments, AWARE))
    assert first == text("0000-12-31T19:03:58")
    assert last == number("2958465.7916666665")


def test_every_row_and_cell_carries_its_reference_and_its_style():
    batch = pa.record_batch([pa.array(["x", None]), pa.array([True, False])], names=["a", "b"])
    columns = [
        CellColumn(kind=Kind.TEXT, style=3),
        CellColumn(kind=Kind.BOOLEAN, style=12),
    ]
    assert str(render_rows(batch, columns, 99), "utf-8") == (
        '<row r="99"><c r="A99" s="3" t="inlineStr"><is><t>x</t></is></c>'
        '<c r="B99" s="12" t="b"><v>1</v></c></row>'
        '<row r="100"><c r="B100" s="12" t="b"><v>0</v></c></row>'
    )


def test_columns_are_lettered_past_z():
    batch = pa.record_batch([pa.array([n]) for n in range(703)], names=[str(n) for n in range(703)])
    letters = re.findall(
        rb'c r="([A-Z]+)2"',
        render_rows(batch, [CellColumn(kind=Kind.INTEGER)] * 703, 2),
    )
    assert [letters[n] for n in (0, 25, 26, 701, 702)] == [
        b"A",
        b"Z",
        b"AA",
        b"ZZ",
        b"AAA",
    ]


def test_a_slice_of_a_batch_is_written_as_its_own_rows():
    whole = bytes(render_rows(orders(1, 40), CELLS, 2))
    batch = orders(1, 40)
    parts = [
        render_rows(batch.slice(0, 13), CELLS, 2),
        render_rows(batch.slice(13), CELLS, 15),
    ]
    assert b"".join(parts) == whole


@pytest.mark.parametrize("storage", [STRING, pa.large_string()])
def test_a_slice_is_escaped_for_what_it_holds_itself(storage):
    array = pa.array(["a", None, "b", "&"], storage)
    assert cells_of(CellColumn(kind=Kind.TEXT), array.slice(3)) == [text("&amp;")]


def test_a_batch_too_large_for_one_join_is_written_in_parts(monkeypatch):
    whole = bytes(render_rows(orders(1, 40), CELLS, 2))
    monkeypatch.setattr(cells, "MAX_JOIN_BYTES", 10_000)
    assert bytes(render_rows(orders(1, 40), CELLS, 2)) == whole


def test_a_batch_without_rows_is_empty():
    assert bytes(render_rows(orders(1, 0), CELLS, 2)) == b""


def test_rows_end_where_excels_do():
    last = orders(1, 2)
    assert b'r="1048576"' in bytes(render_rows(last, CELLS, 1_048_575))
    with pytest.raises(LimitExceeded, match="1048577"):
        render_rows(last, CELLS, 1_048_576)


def test_a_batch_of_other_columns_is_refused():
    with pytest.raises(XlsxError, match="7 columns instead of 6"):
        render_rows(orders(1, 1), CELLS[1:], 2)
