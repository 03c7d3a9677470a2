"""What the tests of reading share: declared columns, and a whole table read at once."""

from __future__ import annotations

import pyarrow as pa
from django.contrib import admin

from exportapp.tables.arrays import arrow_schema
from exportapp.tables.columns import Column
from exportapp.tables.readers import read
from exportapp.tables.sources import Source
from tests.gallery.models import Painting


def specs_of(viewer, *columns, model=Painting):
    model_admin = type("Declared", (admin.ModelAdmin,), {"export_columns": columns})
    return Source(model_admin(model, admin.site)).columns(None, viewer)


def table(viewer, *columns, rows=None, model=Painting, batch_rows=10, policy="blank"):
    specs = specs_of(viewer, *columns, model=model)
    rows = model.objects.order_by("pk") if rows is None else rows
    chunks = list(read(rows, specs, viewer, batch_rows=batch_rows, policy=policy))
    batches = [chunk.batch for chunk in chunks]
    issues = [issue for chunk in chunks for issue in chunk.issues]
    return pa.Table.from_batches(batches, arrow_schema(specs)), issues


def cells(viewer, *columns, **options):
    found, issues = table(viewer, *columns, **options)
    assert issues == []
    return [column.to_pylist() for column in found.columns]


def returned(viewer, value, kind=None, policy="blank"):
    """The cell and the issues of a function that gives `value`."""
    Painting.objects.create(title="only")
    column = Column(lambda row: value, title="Value", kind=kind)
    found, issues = table(viewer, column, policy=policy)
    return found["value"].to_pylist(), issues
