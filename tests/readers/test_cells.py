"""Foreign readers see in every file the cells that were meant."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.readers.agreement import agrees
from tests.readers.differs import DIFFERS, seen_by
from tests.readers.files import SHARD_ROWS, SHEET_ROWS
from tests.readers.readers import INSTALLED, MISSING, READERS
from tests.readers.traps import COLUMNS, ROWS

# For the test database: the tests themselves only read files.
pytestmark = pytest.mark.django_db

TITLES = list(COLUMNS)
THIRD_SHARD = range(2 * SHARD_ROWS, 3 * SHARD_ROWS)


def blank(row):
    return all(value in (None, "") for value in row)


def placed(book):
    """(number among all data rows, cells) of each row that is not blank, by the sheets' order."""
    for sheet, rows in enumerate(book.values()):
        for place, row in enumerate(rows[1:]):
            if not blank(row):
                yield sheet * SHEET_ROWS + place, row


@pytest.mark.parametrize("reader", INSTALLED)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_reader_sees_the_cells_that_were_meant(read, reader, column):
    position, (_, traps) = TITLES.index(column), COLUMNS[column]
    wrong = []

    for book in read(reader):
        for number, row in placed(book):
            trap = traps[number % len(traps)]
            meant = seen_by(reader, column, trap)
            got = row[position] if position < len(row) else None
            if not agrees(meant, got, as_text=READERS[reader].as_text):
                wrong.append((number, trap.name, meant, got))

    assert wrong == []


@pytest.mark.parametrize("reader", INSTALLED)
def test_a_reader_finds_every_row_in_its_place(read, reader):
    several, one, shard = read(reader)

    assert [number for number, _ in placed(several)] == list(range(ROWS))
    assert [number for number, _ in placed(one)] == list(range(ROWS))
    assert [number for number, _ in placed(shard)] == list(THIRD_SHARD)
    assert [len(rows) - 1 for rows in several.values()] == [SHEET_ROWS, ROWS - SHEET_ROWS]


@pytest.mark.parametrize("reader", INSTALLED)
def test_a_reader_finds_sheets_and_headers(read, reader):
    several, one, shard = read(reader)

    assert list(several) == list(shard) == ["Tags", "Tags 2"]
    assert list(one) == ["Tags"]
    for book in (several, one, shard):
        assert [rows[0][: len(TITLES)] for rows in book.values()] == [TITLES] * len(book)


def test_a_known_difference_is_one():
    for difference in DIFFERS:
        meant = {trap.name: trap.cell for trap in COLUMNS[difference.column][1]}
        for name, cell in difference.cells.items():
            assert not agrees(meant[name], cell), (difference.readers, name)


def test_no_reader_is_left_out_in_ci():
    assert not (os.environ.get("CI") and MISSING), f"Run tests/readers/install: {MISSING}"


def test_every_reader_is_in_the_documentation():
    page = Path(__file__).parents[2].joinpath("docs", "readers.md").read_text()
    listed = re.findall(r"^\| ([^|]+?) \|", page, re.MULTILINE)

    for name in READERS:
        words = set(name.split())
        assert any(words <= set(re.findall(r"[\w-]+", row)) for row in listed), name
