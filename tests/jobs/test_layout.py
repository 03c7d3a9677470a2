from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportapp.jobs.layout import HEADER_ROWS, Layout, lay_out
from exportapp.tables.columns import ColumnSpec
from exportapp.xlsx import ColumnFacts, Kind, LimitExceeded

SHARDS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 900)), max_size=20)


def sheets_of(shards: list[tuple[int, int]], rows: int = 1_048_575, size: int = 1000) -> list[int]:
    return lay_out([], shards, [], sheet_rows=rows, sheet_bytes=size).sheets


def test_no_rows_make_one_empty_sheet() -> None:
    assert sheets_of([]) == [0]
    assert sheets_of([(0, 0)]) == [0]


def test_a_sheet_is_cut_at_its_last_row_also_within_a_shard() -> None:
    assert sheets_of([(6, 1), (6, 1), (6, 1)], rows=8) == [8, 8, 2]
    assert sheets_of([(8, 1)], rows=8) == [8]


def test_a_sheet_is_cut_between_shards_before_it_has_too_many_bytes() -> None:
    assert sheets_of([(5, 600), (5, 400), (5, 1)], size=1000) == [10, 5]


def test_a_shard_too_large_for_any_sheet_is_refused_with_what_to_do() -> None:
    with pytest.raises(LimitExceeded, match="EXPORTAPP_SHARD_ROWS"):
        sheets_of([(5, 1001)], size=1000)


@given(SHARDS, st.integers(1, 40))
def test_every_row_has_one_place_and_they_follow_one_another(
    shards: list[tuple[int, int]], sheet_rows: int
) -> None:
    layout = lay_out([], shards, [], sheet_rows=sheet_rows, sheet_bytes=1000)
    places: list[tuple[int, int]] = []
    first = 0
    for rows, _ in shards:
        segments = layout.segments(first, rows)
        assert sum(segment.rows for segment in segments) == rows
        assert [s.offset for s in segments] == [
            sum(s.rows for s in segments[:n]) for n in range(len(segments))
        ]
        for segment in segments:
            places += [
                (segment.sheet, row) for row in range(segment.first_row, segment.last_row + 1)
            ]
        first += rows
    expected = [
        (sheet, row + 1 + HEADER_ROWS)
        for sheet, count in enumerate(layout.sheets)
        for row in range(count)
    ]
    assert places == expected
    assert all(0 <= count <= sheet_rows for count in layout.sheets)


@given(SHARDS)
def test_no_sheet_has_more_xml_than_it_may(shards: list[tuple[int, int]]) -> None:
    layout = lay_out([], shards, [], sheet_rows=10_000, sheet_bytes=1000)
    ends = [0]
    for count in layout.sheets:
        ends.append(ends[-1] + count)
    first, sizes = 0, [0] * len(layout.sheets)
    for rows, size in shards:
        for sheet, (low, high) in enumerate(pairwise(ends)):
            if low <= first < high and rows:
                sizes[sheet] += size
        first += rows
    assert max(sizes, default=0) <= 1000


def test_columns_are_decided_once_for_the_whole_export() -> None:
    specs = [
        ColumnSpec(key="a", title="A", kind=Kind.INTEGER),
        ColumnSpec(key="b", title="B", kind=Kind.INTEGER, width=33),
    ]
    facts = [
        ColumnFacts(count=1, width=18, long_numbers=1),
        ColumnFacts(count=1, width=3),
    ]
    layout = lay_out(specs, [(1, 1)], facts, sheet_rows=10)
    assert layout.as_text == [True, False]
    assert layout.widths == [20, 33]
    assert Layout.from_json(layout.to_json()) == layout
