"""Which format COPY is asked for, and what neither can judge."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection
from django.db.models import F, TextField
from django.db.models.functions import Cast

from exportapp.tables import copybinary, copying
from exportapp.tables.columns import Column
from exportapp.tables.copyout import NotPlain
from exportapp.tables.wire import SLACK, Block
from tests.gallery.models import Painting
from tests.services import ON_SQLITE
from tests.tables.reading import specs_of
from tests.tables.test_copying import FIELDS, copied, same, through_orm

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(ON_SQLITE, reason="COPY is of PostgreSQL"),
]

BEYOND = {
    "made_on": ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"],
    "seen_at": ["infinity", "-infinity", "0044-03-15 12:00 BC", "10000-01-01 00:00"],
    "opens_at": ["24:00:00"],
}


@pytest.fixture
def formats(monkeypatch):
    """The formats that are asked for from now on."""
    asked = []
    made = copying.TextParser, copybinary.arrays

    def parser(types):
        asked.append("text")
        return made[0](types)

    def arrays(*block):
        asked.append("binary")
        return made[1](*block)

    monkeypatch.setattr(copying, "TextParser", parser)
    monkeypatch.setattr(copybinary, "arrays", arrays)
    return asked


def test_fields_whose_bytes_are_known_come_in_the_binary_format(paintings, viewer, formats):
    columns = [name for name in FIELDS if name != "address"]
    same(
        copied(viewer, *columns, "artist__name", batch_rows=100),
        through_orm(viewer, *columns, "artist__name"),
    )
    assert formats == ["binary"]


@pytest.mark.parametrize(
    ("column", "format"),
    [
        ("address", "text"),
        (Column(F("copies") / 2.0, title="Half"), "text"),
        (Column(Cast("sold", TextField()), title="Sold"), "binary"),
    ],
    ids=["an address", "numbers that a query makes", "a developer's cast"],
)
def test_the_type_of_each_column_decides(paintings, viewer, formats, column, format):
    same(copied(viewer, "title", column), through_orm(viewer, "title", column))
    assert set(formats) == {format}


@pytest.mark.parametrize("known", [copybinary.KNOWN, {}], ids=["binary", "text"])
@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BEYOND.items() for value in values]
)
def test_a_moment_that_python_does_not_know_is_left_to_the_orm_reader(
    viewer, monkeypatch, known, field, value
):
    monkeypatch.setattr(copybinary, "KNOWN", known)
    Painting.objects.create(title="x")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE gallery_painting SET {field} = %s", [value])
    with pytest.raises(NotPlain):
        copied(viewer, field)


def test_texts_around_twelve_bytes_are_whole(viewer):
    """So many stand in a view itself, longer ones beside it."""
    titles = ["", "a", "abcd", "abcde", "é" * 6, "x" * 11, "x" * 12, "x" * 13, "é" * 7, "y" * 50]
    Painting.objects.bulk_create(Painting(title=title, scan=title[::-1]) for title in titles)
    found = copied(viewer, "title", "scan", batch_rows=100)
    assert found["title"].to_pylist() == titles
    assert found["scan"].to_pylist() == [title[::-1] for title in titles]


def test_types_are_asked_once_for_all_ranges(paintings, viewer, monkeypatch):
    asked = []
    real = copying.types_of
    monkeypatch.setattr(copying, "types_of", lambda *query: asked.append(query) or real(*query))
    with copying.closing(copying.Line("default")) as line:
        specs = specs_of(viewer, "title", "copies")
        for _ in range(3):
            list(
                copying.copy(
                    Painting.objects.order_by("pk"), specs, viewer, batch_rows=9, line=line
                )
            )
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("told", "why"),
    [((copybinary.INT8,), "another type"), ((copybinary.INT4, copybinary.INT4), "last field")],
    ids=["a longer number", "more fields"],
)
def test_records_of_other_fields_than_the_server_told_are_not_believed(told, why):
    seven = bytes([0, 0, 0, 4, 0, 0, 0, 7])
    # A byte too many behind the second of two.
    body = bytes([0, len(told)]) + seven * len(told) + b"x" * (len(told) - 1)
    data = b"d" + (len(body) + 4).to_bytes(4, "big") + body + bytes(SLACK)
    with pytest.raises(NotPlain, match=why):
        copybinary.arrays(Block(memoryview(data), np.array([0])), told, [pa.int64()] * len(told))
