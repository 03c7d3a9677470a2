"""Shards put together are the file that one run would have written."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from zipfile import ZipFile

import openpyxl
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xlsx.books import COLUMNS, PLAN, SHEET, merge, orders, write_book


def cells(file):
    return list(openpyxl.load_workbook(file, read_only=True)[PLAN].iter_rows(values_only=True))


def expected_rows(count):
    batch = orders(1, count)
    names = [tuple(column.title for column in COLUMNS)]
    return names + [tuple(row.values()) for row in batch.to_pylist()]


def comparable(row):
    """A row as openpyxl gives it: decimals as numbers, dates as midnights."""
    number, customer, amount, weight, paid, day, created = row
    midnight = datetime(day.year, day.month, day.day)
    return (number, customer, amount and float(amount), weight, paid, midnight, created)


def test_openpyxl_reads_every_cell_of_a_merged_file(shards):
    target = io.BytesIO()
    merge(target, shards, 248)
    header, *rows = cells(target)
    wanted_header, *wanted = expected_rows(248)
    assert header == wanted_header
    assert rows == [comparable(row) for row in wanted]


def test_calamine_reads_every_cell_of_a_merged_file(shards):
    target = io.BytesIO()
    merge(target, shards, 248)
    target.seek(0)
    book = python_calamine.CalamineWorkbook.from_filelike(target)
    _, *rows = book.get_sheet_by_name(PLAN).to_python()
    _, *wanted = expected_rows(248)
    for found, row in zip(rows, wanted, strict=True):
        number, customer, amount, weight, paid, day, created = row
        numbers = [
            number,
            customer or "",
            float(amount) if amount else "",
            weight,
            paid,
            day,
        ]
        assert found[:6] == numbers
        assert abs(found[6] - created) < timedelta(milliseconds=1)


def test_a_merged_sheet_is_byte_for_byte_that_of_a_single_run(shards):
    merged, single = io.BytesIO(), io.BytesIO()
    merge(merged, shards, 248)
    write_book(single, [orders(1, 248)])
    assert ZipFile(merged).read(SHEET) == ZipFile(single).read(SHEET)


def test_every_shard_is_a_workbook_of_its_own(shards):
    file, _ = shards[2]
    rows = openpyxl.load_workbook(file)[PLAN]
    assert rows["A43"].value == 42
    assert rows.max_row == 242


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_any_cut_into_shards_gives_the_same_sheet(cuts):
    shards, first = [], 1
    for count in cuts:
        file = io.BytesIO()
        shards.append((file, write_book(file, [orders(first, count)], first + 1)))
        first += count
    merged, single = io.BytesIO(), io.BytesIO()
    merge(merged, shards, sum(cuts))
    write_book(single, [orders(1, sum(cuts))])
    assert ZipFile(merged).read(SHEET) == ZipFile(single).read(SHEET)
