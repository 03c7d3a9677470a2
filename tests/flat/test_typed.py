"""Texts of numbers as the numbers that they are."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.flat import Digits, FlatColumn, digits_of, typed_schema, typed_table
from exportapp.xlsx import Kind


def typed(array: pa.Array, kind: Kind, zone: str | None = None) -> pa.ChunkedArray:
    table = pa.table({"a": array})
    schema = typed_schema([FlatColumn("a", kind, zone)], table.schema, [digits_of(array)])
    return typed_table(table, schema).column(0)


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=9), min_size=1))
def test_a_decimal_keeps_its_value(values: list[Decimal]) -> None:
    made = typed(pa.array([format(value, "f") for value in values]), Kind.DECIMAL)
    assert made.to_pylist() == values


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["1", "-20"], pa.decimal128(2, 0)),
        (["1.50", "-200.125", None, ""], pa.decimal128(6, 3)),
        (["9" * 30 + "." + "1" * 20], pa.decimal256(50, 20)),
        (["9" * 77], pa.string()),
        (["1.5", "NaN"], pa.string()),
        ([None], pa.decimal128(1, 0)),
    ],
)
def test_a_column_has_the_digits_that_it_needs(
    texts: list[str | None], wanted: pa.DataType
) -> None:
    assert typed(pa.array(texts, pa.string()), Kind.DECIMAL).type == wanted


def test_whole_numbers_are_64_bit_as_long_as_they_fit() -> None:
    assert typed(pa.array(["9" * 18]), Kind.INTEGER).type == pa.int64()
    assert typed(pa.array(["9" * 19]), Kind.INTEGER).type == pa.decimal128(19, 0)
    assert typed(pa.array([1]), Kind.INTEGER).type == pa.int64()


def test_a_moment_keeps_its_zone() -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    made = typed(pa.array([moment]), Kind.DATETIME, "Europe/Berlin")
    assert made.type == pa.timestamp("us", tz="Europe/Berlin")
    assert made.to_pylist() == [moment]
    plain = typed(pa.array([datetime(2026, 7, 1, 12)]), Kind.DATETIME, "Europe/Berlin")
    assert plain.type.tz is None


def test_digits_of_shards_add_up() -> None:
    both = Digits(3, 1).merge(Digits(1, 4, exact=False))
    assert both == Digits(3, 4, exact=False)
    assert Digits.from_json(both.to_json()) == both
