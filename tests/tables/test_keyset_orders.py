from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db.models import F
from django.db.models.functions import Lower
from hypothesis import given, settings
from hypothesis import strategies as st

from exportapp.tables.keyset import Keyset
from tests.gallery.models import (
    Artist,
    Country,
    Painting,
    Passport,
)
from tests.tables.ranges import keys, ranges

pytestmark = pytest.mark.django_db


COUNTRIES = st.sampled_from([None, "de", "fr"])
ARTISTS = st.lists(
    st.tuples(COUNTRIES, st.sampled_from([None, date(1900, 1, 1), date(1853, 3, 30)])), max_size=4
)
PAINTINGS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.sampled_from(["a", "A", "b", "ä", "", "a b", "%", "'", "Z"]),
            "artist": st.sampled_from([None, 0, 1, 2, 3]),
            "stars": st.sampled_from([None, 1, 5]),
            "copies": st.sampled_from([0, 1, -1]),
            "price": st.sampled_from([None, Decimal("0.10"), Decimal("99.99")]),
            "weight": st.sampled_from([None, 0.1, 0.30000000000000004, -0.0, 1e300]),
            "sold": st.sampled_from([None, True, False]),
            "seen_at": st.sampled_from(
                [
                    None,
                    datetime(2024, 1, 1, tzinfo=UTC),
                    datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
                    datetime(2023, 5, 5, 23, 30, tzinfo=UTC),
                ]
            ),
            "serial": st.sampled_from([None, "0" * 32, "f" * 32]),
        }
    ),
    max_size=14,
)
NAMES = (
    "title",
    "stars",
    "copies",
    "price",
    "weight",
    "sold",
    "seen_at",
    "seen_at__year",
    "serial",
    "artist",
    "artist_id",
    "artist__born",
    "artist__country",
    "artist__country__name",
    "artist__passport",
    "pk",
    "id",
)
ITEMS = st.one_of(
    st.sampled_from([*NAMES, *(f"-{name}" for name in NAMES)]),
    st.builds(
        lambda name, direction, nulls: getattr(F(name), direction)(**nulls),
        st.sampled_from(["stars", "seen_at", "artist__born", "copies"]),
        st.sampled_from(["asc", "desc"]),
        st.sampled_from([{}, {"nulls_first": True}, {"nulls_last": True}]),
    ),
    st.sampled_from(
        [Lower("title"), Lower("title").desc(), F("stars"), (F("copies") + F("stars")).desc()]
    ),
)


def hang(artists, paintings):
    Painting.objects.all().delete()
    Artist.objects.all().delete()
    made = Artist.objects.bulk_create(
        Artist(name=f"{number % 2}", country_id=country, born=born)
        for number, (country, born) in enumerate(artists)
    )
    Passport.objects.bulk_create(Passport(artist=artist, number="7") for artist in made[:1])
    for row in paintings:
        place = row["artist"]
        row["artist"] = made[place] if place is not None and place < len(made) else None
    Painting.objects.bulk_create(Painting(**row) for row in paintings)


@pytest.fixture
def countries():
    Country.objects.bulk_create(Country(code=code, name=code.upper()) for code in ("de", "fr"))


@pytest.mark.usefixtures("countries")
@settings(max_examples=100, deadline=None)
@given(ARTISTS, PAINTINGS, st.lists(ITEMS, max_size=3), st.integers(1, 6), st.booleans())
def test_the_ranges_of_any_order_are_the_rows_in_that_order(artists, paintings, order, rows, turn):
    hang(artists, paintings)
    queryset = Painting.objects.order_by(*order)
    # Ties are the keyset's to break, in the direction of the last part.
    keyset = Keyset.of(queryset.reverse() if turn else queryset)
    tie = "-pk" if keyset.parts[-1].descending != turn else "pk"
    expected = queryset.order_by(*order, tie)
    assert ranges(keyset, rows) == keys(expected.reverse() if turn else expected)
