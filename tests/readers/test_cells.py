"""Foreign readers see in every file the cells that were meant."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.readers.agreement import agrees
from tests.readers.differs import DIFFERS, FAILS, seen_by
from tests.readers.files import MODES, SHARD_ROWS, SHEET_ROWS
from tests.readers.readers import INSTALLED, MISSING, READERS
from tests.readers.traps import COLUMNS, ROWS

# For the test database: the tests themselves only read files.
pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[2].joinpath("docs", "readers.md").read_text()
TITLES = list(COLUMNS)
READABLE = [(name, mode) for name in INSTALLED for mode in MODES if (name, mode) not in FAILS]
THIRD_SHARD = range(2 * SHARD_ROWS, 3 * SHARD_ROWS)


def blank(row):
    return all(value in (None, "") for value in row)


def placed(book):
    """(number among all data rows, cells) of each row that is not blank, by the sheets' order."""
    for sheet, rows in enumerate(book.values()):
        for place, row in enumerate(rows[1:]):
            if not blank(row):
                yield sheet * SHEET_ROWS + place, row


def wrong_cells(book, reader, mode):
    """What is not as it was meant, all columns together."""
    for number, row in placed(book):
        for position, (column, (_, traps)) in enumerate(COLUMNS.items()):
            trap = traps[number % len(traps)]
            meant = seen_by(reader, mode, column, trap)
            got = row[position] if position < len(row) else None
            if not agrees(meant, got, as_text=READERS[reader].as_text):
                yield number, column, trap.name, meant, got


@pytest.mark.parametrize(("reader", "mode"), READABLE)
def test_a_reader_sees_the_cells_that_were_meant(read_in, reader, mode):
    wrong = [found for book in read_in(mode, reader) for found in wrong_cells(book, reader, mode)]

    assert wrong == []


@pytest.mark.parametrize(("reader", "mode"), READABLE)
def test_a_reader_finds_every_row_in_its_place(read_in, reader, mode):
    several, one, shard = read_in(mode, reader)

    assert [number for number, _ in placed(several)] == list(range(ROWS))
    assert [number for number, _ in placed(one)] == list(range(ROWS))
    assert [number for number, _ in placed(shard)] == list(THIRD_SHARD)
    assert [len(rows) - 1 for rows in several.values()] == [SHEET_ROWS, ROWS - SHEET_ROWS]


@pytest.mark.parametrize(("reader", "mode"), READABLE)
def test_a_reader_finds_sheets_and_headers(read_in, reader, mode):
    several, one, shard = read_in(mode, reader)

    assert list(several) == list(shard) == ["Tags", "Tags 2"]
    assert list(one) == ["Tags"]
    for book in (several, one, shard):
        assert [rows[0][: len(TITLES)] for rows in book.values()] == [TITLES] * len(book)


@pytest.mark.parametrize(("reader", "mode"), READABLE)
def test_a_reader_finds_the_notes_in_what_people_get(all_read_in, reader, mode):
    several, one, shard = all_read_in(mode, reader)

    assert list(several)[-1] == list(one)[-1] == "Notes"
    assert "Notes" not in shard
    told = {row[0]: row[1] for row in one["Notes"] if not blank(row)}
    assert told["Asked for by"] == "operator"
    assert "Texts were cut: a cell holds 32,767 characters." in told.values()


@pytest.mark.parametrize(("reader", "mode"), [pair for pair in FAILS if pair[0] in INSTALLED])
def test_a_reader_that_is_known_to_fail_does(read_in, reader, mode):
    try:
        books = read_in(mode, reader)
    except AssertionError:
        # What a program ends with that complains.
        return
    assert not [row for book in books for row in placed(book)]


def test_a_known_difference_is_one():
    for difference in DIFFERS:
        meant = {trap.name: trap.cell for trap in COLUMNS[difference.column][1]}
        for name, cell in difference.cells.items():
            assert not agrees(meant[name], cell), (difference.readers, name)


def test_no_reader_is_left_out_in_ci():
    assert not (os.environ.get("CI") and MISSING), f"Run tests/readers/install: {MISSING}"


def test_every_reader_is_in_the_documentation():
    listed = re.findall(r"^\| ([^|]+?) \|", PAGE, re.MULTILINE)

    for name in READERS:
        words = set(name.split())
        assert any(words <= set(re.findall(r"[\w-]+", row)) for row in listed), name


def test_the_table_of_modes_in_the_documentation_is_what_the_tests_see():
    table = PAGE.partition("| reader | inline |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    listed = {name: dict(zip(MODES, cells, strict=True)) for name, *cells in rows[2:]}

    assert list(listed) == list(READERS)
    failing = {(name, mode) for name in listed for mode in MODES if listed[name][mode] == "no"}
    assert failing == set(FAILS)
