"""Values as lines of a CSV: what a reader gets back is what was there."""

from __future__ import annotations

import csv
import io
import math
from datetime import date, datetime, time, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.flat import Dialect, delimited, header_line, render_lines
from exportapp.xlsx import Kind, XlsxError

PLAIN = Dialect(escape_formulas=False)
EAST = timezone(timedelta(hours=5, minutes=30))


def lines(array: pa.Array, kind: Kind, zone: str | None = None, dialect: Dialect = PLAIN) -> str:
    batch = pa.RecordBatch.from_arrays([array], names=["a"])
    return bytes(render_lines(batch, [(kind, zone)], dialect)).decode()


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.tuples(texts, texts), min_size=1), st.sampled_from(",;\t|"))
def test_any_text_comes_back_as_it_was(rows: list[tuple[str, str]], delimiter: str) -> None:
    batch = pa.RecordBatch.from_pylist([{"a": one, "b": two} for one, two in rows])
    dialect = Dialect(delimiter=delimiter, escape_formulas=False)
    made = bytes(render_lines(batch, [(Kind.TEXT, None)] * 2, dialect)).decode()
    assert read(made, delimiter) == [list(row) for row in rows]
    assert made.endswith("\r\n")


def test_nothing_and_an_empty_text_are_told_apart() -> None:
    assert lines(pa.array([None, "", " ", "a"]), Kind.TEXT) == '\r\n""\r\n \r\na\r\n'


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30 1",
        "-x",
        "@SUM(A1)",
        "\tx",
        "\r=1",
        "\uff1d1",
        '=HYPERLINK("x")',
        "\n=1",
        " =1",
        "\ufeff=1",
    ],
)
def test_a_text_that_looks_like_a_formula_is_made_safe(text: str) -> None:
    made = lines(pa.array([text, "a=b", None]), Kind.TEXT, dialect=Dialect())
    assert read(made) == [[f"'{text}"], ["a=b"], []]
    assert read(lines(pa.array([text]), Kind.TEXT)) == [[text]]


def test_numbers_are_never_taken_for_formulas() -> None:
    assert lines(pa.array([-5]), Kind.INTEGER, dialect=Dialect()) == "-5\r\n"
    assert lines(pa.array(["-12.50"]), Kind.DECIMAL, dialect=Dialect()) == "-12.50\r\n"


def test_titles_are_texts_like_any_other() -> None:
    assert header_line(["a,b", "=c", ""], Dialect()) == b'"a,b",\'=c,""\r\n'


def test_every_digit_is_kept() -> None:
    long = ["12345678901234567890.123456789012345678", "0.00000000", None]
    assert lines(pa.array(long), Kind.DECIMAL) == "\r\n".join([*long[:2], "", ""])  # type: ignore[list-item]
    assert lines(pa.array([2**63 - 1, -(2**63)]), Kind.INTEGER).split() == [
        "9223372036854775807",
        "-9223372036854775808",
    ]


@given(st.lists(st.floats(), min_size=1))
def test_a_float_comes_back_to_the_last_bit(values: list[float]) -> None:
    found = [float(row[0]) for row in read(lines(pa.array(values), Kind.FLOAT))]
    assert all(
        new == old or (math.isnan(new) and math.isnan(old))
        for new, old in zip(found, values, strict=True)
    )


def test_what_is_no_number_has_its_name() -> None:
    odd = pa.array([math.nan, math.inf, -math.inf, 1e300, 0.1])
    assert lines(odd, Kind.FLOAT).split() == ["NaN", "Infinity", "-Infinity", "1e300", "0.1"]


def test_truth_and_days() -> None:
    assert lines(pa.array([True, False, None]), Kind.BOOLEAN) == "true\r\nfalse\r\n\r\n"
    days = pa.array([date(1, 1, 1), date(1900, 2, 28), date(9999, 12, 31)])
    assert lines(days, Kind.DATE).split() == ["0001-01-01", "1900-02-28", "9999-12-31"]


def test_a_moment_is_what_the_clock_of_the_person_showed() -> None:
    moments = pa.array(
        [datetime(2026, 3, 29, 0, 30, tzinfo=EAST), datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=EAST)],
        pa.timestamp("us", tz="UTC"),
    )
    made = lines(moments, Kind.DATETIME, "Europe/Berlin")
    assert made == "2026-03-28 20:00:00\r\n2026-07-01 08:30:00.000005\r\n"


def test_times_and_durations() -> None:
    times = pa.array([time(1, 2, 3), time(0, 0, 0, 7)])
    assert lines(times, Kind.TIME).split() == ["01:02:03", "00:00:00.000007"]
    spans = [timedelta(days=70, seconds=1), timedelta(microseconds=-1), timedelta(hours=-30), None]
    made = lines(pa.array(spans, pa.duration("us")), Kind.DURATION)
    assert made == "1680:00:01\r\n-00:00:00.000001\r\n-30:00:00\r\n\r\n"


def test_a_batch_that_is_too_much_for_one_array_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    values = pa.array([str(number) for number in range(100)])
    whole = lines(values, Kind.TEXT)
    monkeypatch.setattr(delimited, "MAX_JOIN_BYTES", 1000)
    assert lines(values, Kind.TEXT) == whole


def test_other_columns_than_said_are_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1])], names=["a"])
    with pytest.raises(XlsxError, match="has 1 columns instead of 2"):
        render_lines(batch, [(Kind.INTEGER, None)] * 2, PLAIN)
