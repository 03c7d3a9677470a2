"""The shards of any table are a partition of its rows in their order, whatever the key."""

from __future__ import annotations

import pytest
from django.db import NotSupportedError, connection, transaction
from django.db.models import F
from django.db.models.functions import Collate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exportapp.tables.keyset import Keyset
from tests.gallery.models import Country, Hanging, Loan, Painting, Print, Tag
from tests.tables.ranges import keys, ranges

pytestmark = pytest.mark.django_db

# Upper and lower case, accents, and what databases escape or sort in their own way.
LETTERS = st.text(st.sampled_from("aAbBäÄ _%'\\é😀"), max_size=2)
ROWS = st.integers(1, 5)
SIGNS = st.sampled_from(["", "-"])


def partition(queryset, order, rows, tie="pk"):
    keyset = Keyset.of(queryset.order_by(*order))
    descending = keyset.parts[-1].descending
    expected = queryset.order_by(*order, f"-{tie}" if descending else tie)
    assert ranges(keyset, rows) == keys(expected)


@settings(max_examples=50, deadline=None)
@given(st.sets(LETTERS.filter(bool), max_size=9), SIGNS, st.booleans(), ROWS)
def test_keys_that_are_text(codes, sign, by_name, rows):
    Country.objects.all().delete()
    Country.objects.bulk_create(Country(code=code, name=code[:1]) for code in codes)
    order = f"{sign}name" if by_name else f"{sign}pk"
    partition(Country.objects.all(), [order], rows)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.uuids(), st.sampled_from("abA")), max_size=9, unique_by=lambda p: p[0]),
    st.sampled_from([(), ("pk",), ("-pk",), ("series",), ("-series", "pk")]),
    ROWS,
)
def test_keys_that_are_uuids(prints, order, rows):
    Print.objects.all().delete()
    Print.objects.bulk_create(
        Print(pk=key, series=series, number=number) for number, (key, series) in enumerate(prints)
    )
    partition(Print.objects.all(), order or ("series", "number"), rows)


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=9),
    st.sampled_from([("pk",), ("-pk",), ("place",), ("-room",), ("-place", "room")]),
    ROWS,
)
def test_keys_of_two_columns(places, order, rows):
    Hanging.objects.all().delete()
    Hanging.objects.bulk_create(Hanging(room=room, place=place) for room, place in places)
    partition(Hanging.objects.all(), order, rows)


@pytest.fixture
def collation():
    """One to which "a" and "A" are the same; made once for all examples of a test."""
    if connection.vendor == "sqlite":
        return "NOCASE"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE COLLATION insensitive "
                "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
    except NotSupportedError:
        pytest.skip("this PostgreSQL was built without ICU; the run on SQLite has such a collation")
    return "insensitive"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LETTERS, max_size=9), st.booleans(), ROWS)
def test_texts_that_the_collation_holds_to_be_equal_are_ties(collation, titles, down, rows):
    Painting.objects.all().delete()
    Painting.objects.bulk_create(Painting(title=title) for title in titles)
    order = Collate("title", collation)
    partition(Painting.objects.all(), [order.desc() if down else order.asc()], rows)
    partition(Painting.objects.annotate(folded=order), ["-folded" if down else "folded"], rows)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([None, "b", "a"]), st.integers(0, 1)), max_size=9),
    st.sampled_from(
        [("theme",), ("-theme",), ("theme__name",), ("days", "-theme"), (F("theme").desc(),)]
    ),
    ROWS,
)
def test_relations_by_a_column_that_is_not_the_key(loans, order, rows):
    Loan.objects.all().delete()
    for name in "ba":
        Tag.objects.get_or_create(name=name)
    Loan.objects.bulk_create(Loan(theme_id=theme, days=days) for theme, days in loans)
    partition(Loan.objects.all(), order, rows)


def test_a_relation_without_an_order_of_its_own_needs_no_join():
    keyset = Keyset.of(Loan.objects.order_by("-theme", "borrower"))
    assert [part.path for part in keyset.parts][:2] == ["theme_id", "borrower__country_id"]
