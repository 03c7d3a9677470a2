from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import Count
from django.db.models.functions import Length

from exportapp.tables.columns import Column
from exportapp.tables.copyable import obstacle
from tests.gallery.models import Painting
from tests.tables.reading import specs_of

pytestmark = pytest.mark.django_db(transaction=True)


def why(viewer, *columns, rows=None):
    rows = Painting.objects.order_by("pk") if rows is None else rows
    return obstacle(rows, specs_of(viewer, *columns))


def test_only_postgresql_copies(viewer):
    expected = None if connection.vendor == "postgresql" else "the database is SQLite"
    assert why(viewer, "title") == expected


def test_within_a_transaction_rows_are_read_on_its_own_connection(viewer, monkeypatch):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection.Database, "Copy", object, raising=False)
    with transaction.atomic():
        assert why(viewer, "title") == "a transaction is open"
    assert why(viewer, "title") is None


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("doubled", "column 'doubled' is a function of the instance"),
        ("notes", "column 'notes' is a JSONField"),
        ("thumbnail", "column 'thumbnail' is a BinaryField"),
        (Column(Count("tags"), title="Tags"), None),
        (Column(Length("title"), title="Long"), None),
        ("artist", None),
        ("artist__country__name", None),
        ("stars", None),
        ("made_on__year", "is a transform"),
    ],
)
def test_it_says_which_column_stands_in_the_way(viewer, monkeypatch, column, said):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection.Database, "Copy", object, raising=False)
    found = why(viewer, "title", column)
    assert found is None if said is None else said in found


def test_a_field_that_converts_what_is_stored_is_left_to_django(viewer, monkeypatch):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection.Database, "Copy", object, raising=False)
    field = type(Painting._meta.get_field("title"))
    monkeypatch.setattr(field, "from_db_value", lambda *args: "x", raising=False)
    assert "converts what is stored" in why(viewer, "title")


def test_a_distinct_list_is_left_to_the_orm_reader(viewer, monkeypatch):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection.Database, "Copy", object, raising=False)
    assert why(viewer, "title", rows=Painting.objects.distinct()) == "the list is DISTINCT"


def test_without_time_zones_moments_are_left_to_django(viewer, monkeypatch, settings):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(connection.Database, "Copy", object, raising=False)
    settings.USE_TZ = False
    assert why(viewer, "title") == "USE_TZ is off"
