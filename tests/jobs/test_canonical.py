"""What a cell must read as, held against what a foreign reader makes of the cells we write."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exportapp.jobs.canonical import expected, found
from exportapp.jobs.slices import read_sheet
from exportapp.xlsx import (
    CellColumn,
    Kind,
    PackageWriter,
    SheetColumn,
    SheetPlan,
    build_skeleton,
    render_rows,
    style_indexes,
)

FORMATS = {
    Kind.DATE: "yyyy-mm-dd",
    Kind.DATETIME: "yyyy-mm-dd hh:mm:ss",
    Kind.TIME: "hh:mm:ss",
    Kind.DURATION: "[h]:mm:ss",
}

LAST = datetime(9999, 12, 31, 23, 59, 59, 999_499)
"""The half millisecond behind it is rounded to a day that readers do not have."""


def book_of(path: Path, array: pa.Array, column: SheetColumn, cell: CellColumn) -> None:
    skeleton = build_skeleton([column], [SheetPlan(title="S", rows=len(array))], properties={})
    (page,) = skeleton.sheets
    with path.open("wb") as file, PackageWriter(file) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        with package.sheet(page.name) as sheet:
            sheet.write(page.head)
            batch = pa.record_batch([array], names=["c"])
            sheet.rows([render_rows(batch, [cell], 2)] if len(array) else [], len(array))
            sheet.write(page.tail)


def read_back(
    folder: Path, array: pa.Array, kind: Kind, *, number_format: str | None = None, **settled: Any
) -> tuple[list[str], list[str]]:
    """The canonical texts of what a cell must show and of what is read from it."""
    shown = number_format or FORMATS.get(kind, "General")
    column = SheetColumn(title="C", width=10, number_format=shown)
    (style,) = style_indexes([column])
    cell = CellColumn(kind=kind, style=style, **settled)
    path = folder / "one.xlsx"
    book_of(path, array, column, cell)
    rows = [row for rows in read_sheet(path, "S", 1) for row in rows]
    return found([row[0] for row in rows[1:]], cell), expected(array, cell)


def nearly_all(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=1, max_size=40)


KINDS = {
    Kind.TEXT: (pa.string(), st.text()),
    Kind.INTEGER: (pa.int64(), st.integers(-(10**15) + 1, 10**15 - 1)),
    Kind.FLOAT: (pa.float64(), st.floats()),
    Kind.BOOLEAN: (pa.bool_(), st.booleans()),
    Kind.DATE: (pa.date32(), st.dates()),
    Kind.DATETIME: (pa.timestamp("us"), st.datetimes(max_value=LAST)),
    Kind.TIME: (pa.time64("us"), st.times(max_value=time(23, 59, 59, 999_499))),
    Kind.DURATION: (
        pa.duration("us"),
        st.timedeltas(timedelta(days=-9000), timedelta(days=90_000)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_what_is_written_reads_as_it_must(tmp_path: Path, kind: Kind, data: Any) -> None:
    stored, values = KINDS[kind]
    array = pa.array(data.draw(nearly_all(values)), stored)
    there, wanted = read_back(tmp_path, array, kind)
    assert there == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=nearly_all(st.decimals(-(10**9), 10**9, places=4)),
    as_text=st.booleans(),
)
@example(values=["NaN", None, "Infinity", "0.00000000"], as_text=False)
def test_decimals_read_as_they_must(tmp_path: Path, values: list[Any], as_text: bool) -> None:
    texts = [None if value is None else str(value) for value in values]
    array = pa.array(texts, pa.string())
    there, wanted = read_back(tmp_path, array, Kind.DECIMAL, as_text=as_text)
    assert there == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values=nearly_all(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1))))
def test_moments_read_as_the_clock_of_the_zone_shows_them(
    tmp_path: Path, values: list[Any]
) -> None:
    array = pa.array(values, pa.timestamp("us", tz="UTC"))
    there, wanted = read_back(tmp_path, array, Kind.DATETIME, time_zone="America/Sao_Paulo")
    assert there == wanted


def test_the_half_of_a_millisecond_is_rounded_as_readers_do(tmp_path: Path) -> None:
    moments = [datetime(2026, 1, 1) + timedelta(microseconds=500 + 1000 * n) for n in range(5000)]
    there, wanted = read_back(tmp_path, pa.array(moments, pa.timestamp("us")), Kind.DATETIME)
    assert there == wanted


@pytest.mark.parametrize(
    ("kind", "stored", "value", "number_format"),
    [
        (Kind.DATETIME, pa.timestamp("us"), datetime(2026, 1, 31, 12, 30), "General"),
        (Kind.DURATION, pa.duration("us"), timedelta(hours=30), "0.00"),
        (Kind.INTEGER, pa.int64(), 45_000, "yyyy-mm-dd"),
        (Kind.FLOAT, pa.float64(), 45_000.5, "yyyy-mm-dd hh:mm"),
        (Kind.DATE, pa.date32(), date(2026, 1, 31), '"on" d. mmmm yyyy'),
    ],
)
def test_a_format_of_the_developer_s_changes_nothing(
    tmp_path: Path, kind: Kind, stored: Any, value: Any, number_format: str
) -> None:
    array = pa.array([value, None], stored)
    there, wanted = read_back(tmp_path, array, kind, number_format=number_format)
    assert there == wanted


@pytest.mark.parametrize(
    ("kind", "stored", "value", "text"),
    [
        (Kind.TEXT, pa.string(), "=1+1", "s:=1+1"),
        (Kind.TEXT, pa.string(), "", ""),
        (Kind.INTEGER, pa.int64(), 7, "n:7"),
        (Kind.FLOAT, pa.float64(), -0.0, "n:0"),
        (Kind.FLOAT, pa.float64(), float("-inf"), "s:-Infinity"),
        (Kind.BOOLEAN, pa.bool_(), True, "b:1"),
        (Kind.DATE, pa.date32(), date(1900, 3, 1), "t:5270400000"),
        (Kind.DATE, pa.date32(), date(1900, 2, 28), "s:1900-02-28"),
        (Kind.TIME, pa.time64("us"), time(0, 0, 1), "t:1000"),
    ],
)
def test_the_texts_are_those_that_are_documented(
    kind: Kind, stored: Any, value: Any, text: str
) -> None:
    assert expected(pa.array([value], stored), CellColumn(kind=kind)) == [text]


def test_values_that_differ_have_texts_that_differ() -> None:
    same = CellColumn(kind=Kind.TEXT)
    values = ["1", 1, True, "b:1", "", "n:1", datetime(2026, 1, 1), date(2026, 1, 2), "x\ny"]
    assert len(set(found(values, same))) == len(values)


def test_times_of_one_moment_are_the_same_whatever_the_zone() -> None:
    column = CellColumn(kind=Kind.DATETIME, time_zone="UTC")
    aware = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    plain = pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))
    assert expected(aware, column) == expected(plain, column)
