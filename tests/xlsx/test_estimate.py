"""The estimate is never below the truth, and near it."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.xlsx import (
    CellColumn,
    Kind,
    PackageWriter,
    StringPool,
    estimate_xml_bytes,
    render_rows,
)
from tests.xlsx.books import CELLS, orders, xml_of

NASTY = st.text(st.sampled_from("a_x0041\r\n\t &<>\x00\ufffe😀é"), max_size=30)
DIGITS = st.integers(-(10**20), 10**20).map(str)
CENTURY = timedelta(days=36_525)
VALUES = {
    Kind.TEXT: (pa.string(), NASTY),
    Kind.INTEGER: (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    Kind.DECIMAL: (pa.string(), DIGITS | st.just("NaN") | st.just("")),
    Kind.FLOAT: (pa.float64(), st.floats()),
    Kind.BOOLEAN: (pa.bool_(), st.booleans()),
    Kind.DATE: (
        pa.date32(),
        st.dates() | st.sampled_from([date.min, date(1900, 3, 1), date.max]),
    ),
    Kind.DATETIME: (pa.timestamp("us"), st.datetimes() | st.just(datetime.max)),
    Kind.TIME: (pa.time64("us"), st.times()),
    Kind.DURATION: (pa.duration("us"), st.timedeltas(-CENTURY, CENTURY)),
}


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data(), style=st.sampled_from([0, 7]), as_text=st.booleans())
def test_the_estimate_is_an_upper_bound(kind, data, style, as_text):
    storage, values = VALUES[kind]
    array = pa.array(data.draw(st.lists(values | st.none(), min_size=1, max_size=8)), storage)
    column = CellColumn(kind=kind, style=style, as_text=as_text)
    batch = pa.record_batch([array], names=["value"])
    assert estimate_xml_bytes(batch, [column]) >= len(xml_of(column, array, 1_048_000))


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data(), as_text=st.booleans())
def test_the_estimate_is_an_upper_bound_of_rows_and_of_shared_strings(kind, data, as_text):
    storage, values = VALUES[kind]
    array = pa.array(data.draw(st.lists(values | st.none(), min_size=1, max_size=8)), storage)
    column = CellColumn(kind=kind, as_text=as_text, shared=True, style=7)
    batch = pa.record_batch([array], names=["value"])
    pool, out = StringPool(8_000_000_000), io.BytesIO()
    xml = render_rows(batch, [column], 1_048_000, references=False, pool=pool)
    with PackageWriter(out) as package, package.sheet("a.xml") as part:
        strings = pool.write_to(part).raw_size
    assert estimate_xml_bytes(batch, [column], references=False) >= max(len(xml), strings)


def test_empty_cells_that_keep_a_place_are_in_the_estimate():
    batch = pa.record_batch([pa.nulls(100, pa.string())] * 300, names=[str(n) for n in range(300)])
    columns = [CellColumn(kind=Kind.TEXT)] * 300
    estimate = estimate_xml_bytes(batch, columns, references=False)
    assert estimate >= len(render_rows(batch, columns, 2, references=False)) > 100 * 300


@pytest.mark.parametrize("text", ["_x0041", "&", "<", ">", "\r", "\x00", "\ufffe", " ", "\n", "é"])
def test_text_that_grows_stays_within_the_estimate(text):
    array = pa.array([text * 50 + "_", text])
    column = CellColumn(kind=Kind.TEXT)
    estimate = estimate_xml_bytes(pa.record_batch([array], names=["value"]), [column])
    assert estimate >= len(xml_of(column, array, 1_048_000))


@pytest.mark.parametrize("days", [2**31 - 1, -(2**31), 2_932_897])
def test_dates_beyond_the_calendar_stay_within_the_estimate(days):
    array = pa.array([days], pa.int32()).cast(pa.date32())
    column = CellColumn(kind=Kind.DATE)
    estimate = estimate_xml_bytes(pa.record_batch([array], names=["day"]), [column])
    assert estimate >= len(xml_of(column, array))


def test_a_dictionary_column_is_estimated_like_its_values():
    plain = pa.array(["a & b", None, "", " c", "a & b"])
    columns = [CellColumn(kind=Kind.TEXT)]
    estimates = {
        estimate_xml_bytes(pa.record_batch([array], names=["value"]), columns)
        for array in (plain, plain.dictionary_encode())
    }
    assert len(estimates) == 1


def test_the_estimate_of_ordinary_rows_is_within_twice_the_truth():
    batch = orders(1, 500)
    assert estimate_xml_bytes(batch, CELLS) < 2 * len(render_rows(batch, CELLS, 2))
