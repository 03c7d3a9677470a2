"""Whatever a developer puts into `export_columns`: refused by name, or cells that a sheet takes."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import openpyxl
import pytest
from django.db.models import Count, F, Value
from django.db.models.functions import Length, Now, Upper
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exportapp.exceptions import RequestRefused
from exportapp.jobs.book import Book
from exportapp.jobs.layout import Layout
from exportapp.tables.columns import Column
from exportapp.tables.readers import read
from exportapp.tables.sheets import SheetSpec
from exportapp.xlsx import Kind, PackageWriter, render_rows
from tests.gallery.models import Painting
from tests.tables.test_columns import source_of

VALUES = (None, "", "text", "=1+1", 7, -(2**70), Decimal("1.50"), 1.5, float("nan"), True, b"\x00")
VALUES += (date(1, 1, 1), datetime(9999, 12, 31), timedelta(days=-90), [1, "a"], {"a": 1}, object())

names = st.sampled_from(
    ["title", "artist", "artist__name", "artist__country__name", "state", "price", "sold", "pk"]
    + ["id", "copies", "artist__works", "artist__works__title", "shout", "is_dear", "delete"]
    + ["no_such", "artist__", "__class__", "", "title__upper", "Meta", "_state"]
)
functions = st.sampled_from(VALUES).map(lambda value: partial(_same, value))
expressions = st.sampled_from(
    [F("title"), F("nothing"), Upper("title"), Length("artist__name"), Count("artist"), Now()]
    + [Value(1), F("copies") + 1, F("title") + 1]
)
keys = st.one_of(names, functions, expressions, st.sampled_from(VALUES), st.text(max_size=12))
columns = st.one_of(
    keys,
    st.builds(
        Column,
        keys,
        title=st.none() | st.text(max_size=40),
        kind=st.none() | st.sampled_from(Kind),
        width=st.none() | st.floats(1, 255),
        align=st.sampled_from([None, "left", "center", "right"]),
        number_format=st.sampled_from([None, "0.00", "@", "General", "yyyy", "#,##0"]),
        label=st.booleans(),
        join=st.sampled_from([None, None, ", ", "\n"]),
        limit=st.integers(-1, 3),
        order=st.sampled_from([(), ("title",), ("no_such",)]),
    ),
)


def _same(value, instance):
    return value


@pytest.mark.django_db
@pytest.mark.usefixtures("paintings")
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(columns, min_size=1, max_size=4))
@example(entries=["delete"])
@example(entries=[Column(F("title") + 1, title="Sum")])
@example(entries=[Column("artist__works", join=", ", limit=1, kind=Kind.FLOAT)])
def test_a_column_is_refused_or_becomes_cells(viewer, entries):
    try:
        specs = source_of(*entries).columns(None, viewer)
    except RequestRefused as refused:
        assert str(refused)
        return
    assert len({spec.key for spec in specs}) == len(specs) == len(entries)
    rows = Painting.objects.order_by("pk")
    (chunk,) = read(rows, specs, viewer, batch_rows=50, policy="blank")
    sheet = SheetSpec(columns=specs, rows=rows)
    # Rows and columns without a value have no cell.
    last_row, last_column = _read_back(sheet, chunk.batch)
    assert last_row <= chunk.batch.num_rows + 1 and last_column <= len(specs)
    assert chunk.batch.num_rows == 23


def _read_back(sheet, batch):
    """Rows and columns that a foreign reader finds in a workbook of the batch."""
    count = len(sheet.columns)
    layout = Layout([batch.num_rows], [10.0] * count, [False] * count)
    created = datetime(2026, 1, 1)
    book = Book.laid_out([sheet], layout, name="Fuzz", time_zone="UTC", created=created)
    skeleton = book.skeleton([(0, batch.num_rows)])
    out = io.BytesIO()
    with PackageWriter(out) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        (page,) = skeleton.sheets
        with package.sheet(page.name) as member:
            member.write(page.head)
            member.rows([render_rows(batch, book.page(0).cells, 2)], batch.num_rows)
            member.write(page.tail)
    with closing(openpyxl.load_workbook(out)) as found:
        return found.worksheets[0].max_row, found.worksheets[0].max_column
