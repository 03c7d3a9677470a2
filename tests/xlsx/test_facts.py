"""What the layout is told of columns."""

from __future__ import annotations

import json
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.xlsx import (
    CellColumn,
    ColumnFacts,
    Kind,
    column_facts,
    decide_width,
    measure,
    needs_text,
    shared_table,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "é", "😀" * 32, "x" * 64]), unique=True)
FACTS = st.builds(
    ColumnFacts, *[st.integers(0, 10**9)] * 8, st.none() | TEXTS.map(sorted).map(tuple)
)


def facts(kind, values, storage=None):
    return column_facts(pa.array(values, storage or pa.string()), kind)


def test_nulls_are_not_counted():
    assert facts(Kind.TEXT, ["a", None, ""]).count == 2


@pytest.mark.parametrize(
    ("kind", "values", "storage", "width"),
    [
        (Kind.TEXT, ["a", "abc", None], pa.string(), 3),
        (Kind.TEXT, ["Ärger", "é"], pa.string(), 5),
        (Kind.TEXT, ["漢字", "abc"], pa.string(), 4),
        (Kind.TEXT, ["10 €…"], pa.string(), 5),
        (Kind.TEXT, [None], pa.string(), 0),
        (Kind.INTEGER, [7, -12, 5], pa.int64(), 3),
        (Kind.INTEGER, ["123", "4"], pa.string(), 3),
        (Kind.DECIMAL, ["-12.50"], pa.string(), 6),
        (Kind.DATE, [date(2026, 1, 1)], pa.date32(), 10),
        (Kind.DATE, [None], pa.date32(), 0),
    ],
)
def test_the_width_is_that_of_the_widest_value(kind, values, storage, width):
    assert facts(kind, values, storage).width == width


def test_a_dictionary_column_has_the_facts_of_its_values():
    array = pa.array(["a\x00b", "long text", None])
    assert column_facts(array.dictionary_encode(), Kind.TEXT) == column_facts(array, Kind.TEXT)


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.DATE])
def test_no_rows_have_no_facts(kind):
    storage = {Kind.FLOAT: pa.float64(), Kind.DATE: pa.date32()}.get(kind, pa.string())
    assert facts(kind, [], storage) == ColumnFacts()


def test_values_that_cannot_stay_as_they_are_are_counted():
    assert facts(Kind.TEXT, ["a\x00\x01", "b\ufffe", "c\n\r\t"]).replaced == 2
    assert facts(Kind.TEXT, ["x" * 32_768, "é" * 32_767, "😀" * 16_384]).cut == 2
    assert facts(Kind.TEXT, ["\n" * 253, "\n" * 254, None, "a\r\n" * 300]).many_lines == 2
    assert facts(Kind.FLOAT, [1.0, float("nan"), float("inf"), None], pa.float64()).non_finite == 2
    assert facts(Kind.DECIMAL, ["1.5", "NaN", None]).non_finite == 1


@pytest.mark.parametrize(
    ("kind", "values", "storage", "expected"),
    [
        (Kind.INTEGER, [10**15 - 1, None], pa.int64(), False),
        (Kind.INTEGER, [1, -(10**15)], pa.int64(), True),
        (Kind.INTEGER, ["9" * 15, "9" * 16], pa.string(), True),
        (Kind.DECIMAL, ["-0.000123456789012345"], pa.string(), False),
        (Kind.DECIMAL, ["1234567890123.456"], pa.string(), True),
        (Kind.INTEGER, [None], pa.int64(), False),
    ],
)
def test_one_number_over_fifteen_digits_makes_the_column_text(kind, values, storage, expected):
    assert needs_text(facts(kind, values, storage)) is expected


@given(FACTS, FACTS, FACTS)
def test_facts_merge_in_any_order(one, two, three):
    assert one.merge(two).merge(three) == three.merge(one.merge(two))
    assert one.merge(ColumnFacts()) == one


@given(FACTS)
def test_facts_survive_json(one):
    assert ColumnFacts.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_facts_of_before_there_were_texts_in_them_are_read():
    assert ColumnFacts.from_json([1, 2, 3, 4, 5, 6]) == ColumnFacts(1, 2, 3, 4, 5, 6, distinct=None)


def texts(values, **options):
    return column_facts(pa.array(values, pa.string()), Kind.TEXT, distinct=True, **options).distinct


def test_few_texts_are_told_in_order_and_blanks_are_none_of_them():
    assert texts(["b", None, "a", "", "b"]) == ("a", "b")
    assert texts([None, ""]) == ()
    assert column_facts(pa.array(["b", "a"]).dictionary_encode(), Kind.TEXT, distinct=True) == (
        column_facts(pa.array(["b", "a"]), Kind.TEXT, distinct=True)
    )


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([str(n) for n in range(256)], True),
        ([str(n) for n in range(257)], False),
        (["x"] * 2_000 + [str(n) for n in range(257)], False),
        (["😀" * 32], True),
        (["😀" * 32 + "x"], False),
        ([f"{n:064}" for n in range(64)], True),
        ([f"{n:064}" for n in range(65)], False),
    ],
)
def test_many_or_long_texts_are_given_up(values, known):
    assert (texts(values) is not None) is known


def test_texts_that_are_too_many_together_are_given_up():
    one, two = (
        column_facts(pa.array([f"{n}" for n in numbers]), Kind.TEXT, distinct=True)
        for numbers in (range(200), range(100, 257))
    )
    assert one.merge(two).distinct is None
    assert one.merge(two).merge(one).distinct is None


def test_texts_are_only_looked_for_where_somebody_asks():
    assert facts(Kind.TEXT, ["a"]).distinct is None
    batch = pa.record_batch([pa.array(["a"])], names=["a"])
    cells = [CellColumn(kind=Kind.TEXT)]
    for known, found in [
        (None, None),
        ([ColumnFacts()], ("a",)),
        ([facts(Kind.TEXT, ["b"])], None),
    ]:
        ((fact,), _) = measure(batch, cells, known)
        assert fact.distinct == found


@pytest.mark.parametrize(
    ("kind", "values", "storage", "filled"),
    [
        (Kind.TEXT, ["a", None, ""], pa.string(), 1),
        (Kind.TEXT, ["a", None], pa.large_string(), 1),
        (Kind.DECIMAL, ["1", None, ""], pa.string(), 1),
        (Kind.INTEGER, [0, None], pa.int64(), 1),
        (Kind.BOOLEAN, [False, None], pa.bool_(), 1),
    ],
)
def test_what_has_a_cell_is_counted(kind, values, storage, filled):
    assert facts(kind, values, storage).filled == filled


@pytest.mark.parametrize(
    ("kind", "filled", "distinct", "table"),
    [
        (Kind.TEXT, 4, ("a", "b"), ("a", "b")),
        (Kind.TEXT, 3, ("a", "b"), ()),
        (Kind.TEXT, 9, None, ()),
        (Kind.TEXT, 0, (), ()),
        (Kind.INTEGER, 9, ("1",), ()),
    ],
)
def test_texts_that_return_are_worth_a_table(kind, filled, distinct, table):
    assert shared_table(kind, ColumnFacts(filled=filled, distinct=distinct)) == table


def test_the_facts_of_parts_merge_into_those_of_the_whole():
    values = ["a", "漢字漢字", None, "x\x00", "bcd"]
    parts = facts(Kind.TEXT, values[:2]).merge(facts(Kind.TEXT, values[2:]))
    assert parts == facts(Kind.TEXT, values)


@pytest.mark.parametrize(
    ("title", "width", "expected"),
    [
        ("ID", 1, 8.0),
        ("ID", 18, 20.0),
        ("A longer title", 3, 17.0),
        ("漢字の見出し", 3, 15.0),
    ],
)
def test_the_width_makes_room_for_values_title_and_filter_button(title, width, expected):
    assert decide_width(title, ColumnFacts(count=1, width=width)) == expected


def test_no_column_is_wider_than_sixty():
    assert decide_width("Note", ColumnFacts(count=1, width=32_767)) == 60.0
