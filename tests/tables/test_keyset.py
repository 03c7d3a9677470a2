from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from exportapp.exceptions import RequestRefused
from exportapp.tables.keyset import Keyset
from tests.gallery.models import (
    Artist,
    Country,
    Hanging,
    Mural,
    Painting,
    Print,
    SoldPainting,
    Tag,
)
from tests.tables.ranges import hop, keys, ranges

pytestmark = pytest.mark.django_db


def test_the_order_of_the_model_is_taken_where_there_is_no_other(artists):
    assert ranges(Keyset.of(Artist.objects.all()), 2) == keys(Artist.objects.all())


def test_rows_without_any_order_are_read_by_key(paintings):
    keyset = Keyset.of(Painting.objects.order_by())
    assert [(part.path, part.descending) for part in keyset.parts] == [("id", False)]
    assert ranges(keyset, 7) == sorted(painting.pk for painting in paintings)


def test_text_keys_make_ranges():
    Country.objects.bulk_create([Country(code=code, name="x") for code in ("aa", "Aa", "ö", "b")])
    assert ranges(Keyset.of(Country.objects.all()), 1) == keys(Country.objects.order_by("pk"))


def test_uuid_keys_and_unique_pairs_make_ranges():
    for number in range(7):
        Print.objects.create(series="ab"[number % 2], number=number)
    assert ranges(Keyset.of(Print.objects.all()), 2) == keys(Print.objects.all())
    by_key = Print.objects.order_by("-pk")
    assert ranges(Keyset.of(by_key), 3) == keys(by_key)


def test_keys_of_two_columns_make_ranges():
    for room, place in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]:
        Hanging.objects.create(room=room, place=place)
    assert ranges(Keyset.of(Hanging.objects.all()), 2) == keys(Hanging.objects.order_by("pk"))
    down = Hanging.objects.order_by("-room")
    assert ranges(Keyset.of(down), 2) == [(3, 1), (2, 2), (2, 1), (1, 2), (1, 1)]


def test_keys_that_are_relations_make_ranges():
    for number in range(5):
        Mural.objects.create(title="same", wall=f"{number % 2}", price=number)
    murals = Mural.objects.order_by("wall", "-pk")
    assert ranges(Keyset.of(murals), 2) == keys(murals)


def test_proxies_have_their_own_order(paintings):
    assert ranges(Keyset.of(SoldPainting.objects.all()), 5) == keys(SoldPainting.objects.all())


def test_groups_and_duplicates_from_many_to_many_stay_single_rows(paintings):
    tags = [Tag.objects.create(name=name) for name in ("oil", "oak")]
    for painting in paintings:
        painting.tags.set(tags)
    grouped = Painting.objects.annotate(n=Count("tags")).order_by("-n", "title")
    assert ranges(Keyset.of(grouped), 4) == keys(grouped)
    distinct = Painting.objects.filter(tags__name__contains="o").distinct().order_by("state")
    assert ranges(Keyset.of(distinct), 4) == keys(distinct.order_by("state", "pk"))


def test_nothing_follows_a_unique_column():
    keyset = Keyset.of(Tag.objects.order_by("-name", "id"))
    assert [part.path for part in keyset.parts] == ["name"]


def test_the_tiebreak_goes_the_way_of_the_last_column():
    keyset = Keyset.of(Painting.objects.order_by("title", "-copies"))
    assert [(part.path, part.descending) for part in keyset.parts] == [
        ("title", False),
        ("copies", True),
        ("id", True),
    ]


def test_a_hop_is_one_statement_and_counts_nothing(paintings):
    keyset = Keyset.of(Painting.objects.order_by("-copies"))
    with CaptureQueriesContext(connection) as captured:
        bound, count = hop(keyset, None, 10)
    assert (bound[0], count) == (13, 10)
    assert len(captured) == 1
    assert "COUNT(" not in captured[0]["sql"].upper()


def test_the_last_hop_counts_no_more_than_what_is_left(paintings):
    keyset = Keyset.of(Painting.objects.order_by("copies"))
    after, _ = hop(keyset, None, 20)
    with CaptureQueriesContext(connection) as captured:
        bound, count = hop(keyset, after, 20)
    assert (bound[0], count) == (22, 3)
    counting = [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()]
    assert len(counting) == 1
    assert "WHERE" in counting[0] and "LIMIT 20" in counting[0]


def test_nothing_remains_behind_the_last_row(paintings):
    keyset = Keyset.of(Painting.objects.order_by("copies"))
    bound, _ = hop(keyset, None, 23)
    assert keyset.hop(bound, 23) is None
    assert Keyset.of(Painting.objects.none()).hop(None, 5) is None


def test_rows_that_come_and_go_leave_the_other_ranges_alone(paintings):
    keyset = Keyset.of(Painting.objects.order_by("copies"))
    first, _ = hop(keyset, None, 5)
    second, _ = hop(keyset, first, 5)
    Painting.objects.filter(copies__in=[1, 2, 4]).delete()
    assert [row.copies for row in keyset.between(first, second)] == [5, 6, 7, 8, 9]


def test_one_direction_without_nulls_is_one_comparison_of_rows_where_there_is_such_a_thing():
    keyset = Keyset.of(Painting.objects.order_by("-copies"))
    sql = str(keyset.between((5, 1), None).query)
    if connection.features.supports_tuple_lookups:
        assert '("gallery_painting"."copies", "gallery_painting"."id") < (5, 1)' in sql
    else:
        assert '"copies" <= 5' in sql


def test_a_mixed_order_bounds_its_first_column_for_an_index():
    keyset = Keyset.of(Painting.objects.order_by("-copies", "pk"))
    sql = str(keyset.between((5, 1), (3, 2)).query)
    assert '"copies" <= 5' in sql and '"copies" >= 3' in sql


@pytest.mark.parametrize(
    ("queryset", "reason"),
    [
        (lambda: Painting.objects.order_by("?"), "random"),
        (lambda: Painting.objects.order_by("title")[:5], "sliced"),
        (lambda: Painting.objects.filter(pk=1).union(Painting.objects.filter(pk=2)), "union"),
        (lambda: Painting.objects.order_by("tags__name"), "many rows"),
        (lambda: Painting.objects.order_by("artist__works"), "many rows"),
        (lambda: Painting.objects.extra(order_by=["title"]), "extra"),
        (lambda: Painting.objects.order_by("title").distinct("title"), "one row for each"),
    ],
)
def test_an_order_without_ranges_is_refused(queryset, reason):
    with pytest.raises(RequestRefused, match=reason):
        Keyset.of(queryset())


def test_a_value_that_the_database_does_not_find_again_is_refused(paintings):
    class Forgetful(Keyset):
        def _keys(self, queryset):
            return super()._keys(self.queryset.order_by("copies"))

    stuck = Forgetful.of(Painting.objects.order_by("copies"))
    first, _ = hop(stuck, None, 2)
    with pytest.raises(RequestRefused, match="order by other columns"):
        stuck.hop(first, 2)


@pytest.mark.parametrize("order", ["artist", "-artist"])
def test_a_relations_own_order_is_turned_as_the_database_is_told_to(order):
    for name, born in [("a", None), ("b", date(1900, 1, 1)), ("c", date(1800, 1, 1)), ("d", None)]:
        Painting.objects.create(artist=Artist.objects.create(name=name, born=born))
    assert ranges(Keyset.of(Painting.objects.order_by(order)), 1) == keys(
        Painting.objects.order_by(order)
    )
