"""What the list shows is what the file holds: the same rows, order and cells, by both readers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.admin.utils import lookup_field
from django.contrib.auth.models import User
from django.db import connections
from django.http import QueryDict

from exportapp.tables.changelist import request_of
from exportapp.tables.copyable import obstacle
from exportapp.tables.copying import copy
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import read
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import Source
from exportapp.xlsx import Kind
from tests.gallery.models import Country, Hanging, Loan, Mural, Painting, Print, Relic, Tag
from tests.gallery.showcase import SHOWCASE
from tests.tables.ranges import bounded

# COPY has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "archive"])


@pytest.fixture
def gallery(paintings, artists):
    """Ties, gaps and NULLs in everything that a list may be filtered or ordered by."""
    # The addresses name keys, and a sequence goes on where the last test left it.
    tags = Tag.objects.bulk_create(Tag(pk=key, name=name) for key, name in ((1, "oil"), (2, "oak")))
    for number, painting in enumerate(paintings):
        painting.tags.set(tags[: number % 3])
        painting.stars = [None, 1, 5][number % 3]
        painting.made_on = date(2023 + number % 2, 1 + number % 6, 1) if number % 5 else None
        painting.seen_at = datetime(2024, 1 + number % 4, 28, 23, 30, tzinfo=UTC)
    Painting.objects.bulk_update(paintings, ["stars", "made_on", "seen_at"])
    Country.objects.bulk_create(Country(code=c, name=c * 2) for c in ("Na", "na", "ö", "no"))
    for number in range(9):
        artist = artists[number % 5]
        Mural.objects.create(
            title=f"m{number % 3}", wall=["north", "south"][number % 2], artist=artist
        )
        Print.objects.create(series="ab"[number % 2], number=number)
        Hanging.objects.create(room=number // 3, place=number % 3, painting=paintings[number])
        Loan.objects.create(theme=tags[number % 2] if number % 3 else None, borrower=artist)
    whole = Relic.objects.create(name="bowl", age=1)
    Relic.objects.bulk_create(
        Relic(name=f"b{number % 4}", age=[None, 1, 2][number % 3], part_of=whole)
        for number in range(9)
    )


@pytest.fixture
def people():
    chief = User.objects.create_superuser("chief")
    clerk = User.objects.create_user("clerk", is_staff=True)
    return [
        Viewer(user=chief, language="en", time_zone="UTC"),
        Viewer(user=clerk, language="de", time_zone="Europe/Berlin"),
    ]


@pytest.mark.parametrize(
    ("model", "admin_class", "addresses"), SHOWCASE, ids=[case[1].__name__ for case in SHOWCASE]
)
def test_the_export_is_what_the_list_shows(model, admin_class, addresses, gallery, people):
    source = Source(admin_class(model, admin.site))
    for viewer in people:
        columns = source.columns(None, viewer)
        for address in addresses:
            said = f"?{address} as {viewer.user}"
            keys, cells = listed(source.model_admin, viewer, address, columns)
            selection = Selection(source=source.label, query=dict(QueryDict(address).lists()))
            with viewer.active():
                keyset = Keyset.of(source.queryset(selection, viewer))
                ranges = bounded(keyset, 4)
                assert [row.pk for rows in ranges for row in rows] == keys, said
            by_orm = [read_all(rows, columns, viewer) for rows in ranges]
            assert joined(by_orm, len(columns)) == cells, said
            if connections[keyset.queryset.db].vendor == "postgresql":
                copied = [copy_all(rows, columns, viewer) for rows in ranges]
                plain = {place for place, spec in enumerate(columns) if can_copy(ranges, spec)}
                assert joined(copied, len(plain)) == [cells[place] for place in sorted(plain)], said


def listed(model_admin, viewer, address, columns):
    """Keys and cells of all pages of the list page, by what Django itself shows in a cell."""
    with viewer.active():
        query = dict(QueryDict(address).lists())
        changes = model_admin.get_changelist_instance(request_of(viewer, query))
        rows = list(changes.queryset)
        assert len(rows) == changes.result_count
        names = [name for name in changes.list_display if name != "action_checkbox"]
        cells = [[plain(shown(name, row, model_admin)) for row in rows] for name in names]
    assert len(cells) == len(columns)
    return [row.pk for row in rows], cells


def shown(name, row, model_admin):
    field, method, value = lookup_field(name, row, model_admin)
    if field is None:
        return value or getattr(method, "empty_value_display", value)
    return dict(field.flatchoices).get(value, value)


def can_copy(ranges, spec):
    return all(obstacle(rows, [spec]) is None for rows in ranges)


def read_all(rows, columns, viewer):
    chunks = list(read(rows, columns, viewer, batch_rows=3, policy="fail"))
    return [values(chunk.batch, columns) for chunk in chunks]


def copy_all(rows, columns, viewer):
    plain = [spec for spec in columns if obstacle(rows, [spec]) is None]
    if not plain:
        return []
    return [values(chunk.batch, plain) for chunk in copy(rows, plain, viewer, batch_rows=3)]


def values(batch, columns):
    return [
        [plain(value, spec.kind) for value in column.to_pylist()]
        for spec, column in zip(columns, batch.columns, strict=True)
    ]


def joined(ranges, width):
    """The batches of all ranges, one list a column."""
    batches = [batch for batches in ranges for batch in batches]
    return [[value for batch in batches for value in batch[place]] for place in range(width)]


def plain(value, kind=None):
    """A value and a cell in the one form that both of them have."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal) or kind in (Kind.DECIMAL, Kind.INTEGER):
        return Decimal(str(value)).normalize()
    return value.astimezone(UTC) if isinstance(value, datetime) else str(value)
