from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from django.db.models import Count, F
from django.utils import timezone, translation

from exportapp.tables.changelist import request_of
from exportapp.tables.columns import Column
from exportapp.tables.readers import read, sample_weight
from exportapp.tables.sources import find_source
from exportapp.xlsx import Kind
from tests.gallery.models import Mural, Painting, Passport, Tag
from tests.tables.reading import cells, specs_of, table

pytestmark = pytest.mark.django_db


VALUES = {
    "title": ("é😀\x01=1", "é😀\x01=1", pa.string()),
    "state": ("sketch", "No", pa.string()),
    "stars": (5, "High", pa.string()),
    "copies": (-3, -3, pa.int64()),
    "price": (Decimal("1234567.80"), "1234567.80", pa.string()),
    "rate": (Decimal("0E-8"), "0.00000000", pa.string()),
    "weight": (0.1, 0.1, pa.float64()),
    "sold": (True, True, pa.bool_()),
    "made_on": (date(1, 1, 1), date(1, 1, 1), pa.date32()),
    "seen_at": (
        datetime(2024, 3, 31, 1, 30, 0, 1, tzinfo=UTC),
        datetime(2024, 3, 31, 1, 30, 0, 1, tzinfo=UTC),
        pa.timestamp("us", tz="UTC"),
    ),
    "opens_at": (time(23, 59, 59, 999999), time(23, 59, 59, 999999), pa.time64("us")),
    "dried_in": (timedelta(days=60, microseconds=1),) * 2 + (pa.duration("us"),),
    "serial": (uuid.UUID(int=5), str(uuid.UUID(int=5)), pa.string()),
    "notes": ({"ä": [1, None]}, '{"ä":[1,null]}', pa.string()),
    "thumbnail": (b"\x00\xff", "00ff", pa.string()),
    "scan": ("a/b.png", "a/b.png", pa.string()),
    "address": ("::1", "::1", pa.string()),
}


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_every_kind_of_field_has_its_own_storage(viewer, more):
    Painting.objects.create(**{name: value for name, (value, *_) in VALUES.items()})
    Painting.objects.create()
    found, issues = table(viewer, *VALUES, *more)
    assert issues == []
    for name, (_, stored, kind) in VALUES.items():
        assert (found[name].to_pylist()[0], found[name].type) == (stored, kind), name
    blank = [name for name in VALUES if found[name].to_pylist()[1] not in (None, "")]
    assert blank == ["state", "copies"]


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_paths_relations_and_expressions_read_the_same_both_ways(viewer, paintings, more):
    Passport.objects.create(artist=paintings[1].artist, number="77")
    columns = (
        "pk",
        "artist",
        "artist_id",
        "artist__name",
        "artist__country",
        "artist__country__name",
        "artist__passport",
        "made_on__year",
        Column("artist", title="key", label=False),
        Column(F("copies") + 1, title="More"),
        Column(Count("artist__works"), title="Works"),
    )
    Painting.objects.filter(copies=1).update(made_on=date(1999, 1, 1))
    one = [column[1] for column in cells(viewer, *columns, *more)][: len(columns)]
    artist = paintings[1].artist
    works = str(artist.works.count())
    assert one == [
        paintings[1].pk,
        artist.name,
        artist.pk,
        artist.name,
        artist.country.name,
        artist.country.name,
        "Passport 77",
        "1999",
        artist.pk,
        "2",
        works,
    ]
    other = [column[4] for column in cells(viewer, *columns, *more)][: len(columns)]
    assert other[1:8] == [None] * 7


@pytest.mark.parametrize("more", [(), ("doubled",)], ids=["tuples", "instances"])
def test_texts_of_relations_cost_no_query_a_row(
    viewer, paintings, more, django_assert_max_num_queries
):
    specs = specs_of(viewer, "artist", "artist__country", "artist__name", *more)
    with django_assert_max_num_queries(3):
        list(read(Painting.objects.order_by("pk"), specs, viewer, batch_rows=50, policy="blank"))


def test_texts_of_relations_are_fetched_once(viewer, paintings, django_assert_num_queries):
    specs = specs_of(viewer, "artist")
    rows = Painting.objects.filter(artist__isnull=False).order_by("pk")
    with django_assert_num_queries(2):
        chunks = list(read(rows, specs, viewer, batch_rows=12, policy="blank"))
    assert len(chunks) == 2


def test_a_function_that_sorts_by_a_relation_has_it_joined(
    viewer, paintings, django_assert_num_queries
):
    specs = specs_of(viewer, "signature")
    with django_assert_num_queries(1):
        list(read(Painting.objects.order_by("pk"), specs, viewer, batch_rows=50, policy="blank"))


def test_keys_of_relations_may_be_text_or_another_relation(viewer, artists):
    mural = Mural.objects.create(title="On the wall", wall="w", artist=artists[0])
    assert cells(viewer, "artist__country", model=Mural) == [["NL"]]
    assert cells(viewer, "painting_ptr", "painting_ptr_id", "title", model=Mural) == [
        ["On the wall"],
        [mural.pk],
        ["On the wall"],
    ]


def test_texts_are_forgotten_when_they_become_many(
    viewer, paintings, monkeypatch, django_assert_num_queries
):
    expected = cells(viewer, "artist", batch_rows=12)
    monkeypatch.setattr("exportapp.tables.related.MAX_REMEMBERED", 5)
    with django_assert_num_queries(1 + 2):
        assert cells(viewer, "artist", batch_rows=12) == expected


def test_batches_keep_order_and_size(viewer, paintings):
    specs = specs_of(viewer, "copies")
    rows = Painting.objects.order_by("-copies")
    chunks = list(read(rows, specs, viewer, batch_rows=10, policy="blank"))
    assert [chunk.rows_read for chunk in chunks] == [10, 10, 3]
    assert [value for chunk in chunks for value in chunk.batch[0].to_pylist()] == [*range(23)][::-1]


def test_no_rows_are_no_chunks(viewer):
    specs = specs_of(viewer, "copies")
    none = Painting.objects.none()
    assert list(read(none, specs, viewer, batch_rows=10, policy="blank")) == []
    assert sample_weight(none, specs, viewer) is None


def test_equal_rows_of_a_distinct_list_stay_apart(viewer, paintings):
    tags = [Tag.objects.create(name=name) for name in ("oil", "oak")]
    for painting in paintings:
        painting.tags.set(tags)
    rows = Painting.objects.filter(tags__name__startswith="o").distinct().order_by("state")
    assert len(cells(viewer, "state", rows=rows)[0]) == 23


def test_the_lists_own_groups_and_prefetches_do_no_harm(viewer, paintings):
    source = find_source("gallery.Painting")
    rows = source.model_admin.get_queryset(request_of(viewer, {})).prefetch_related("tags")
    specs = source.columns(["title", "works_of_artist", "is_dear", "shout"], viewer)
    (chunk,) = read(rows.order_by("pk"), specs, viewer, batch_rows=50, policy="blank")
    assert chunk.batch.slice(11, 1).to_pylist() == [
        {"title": "No. 11", "works_of_artist": "4", "is_dear": True, "shout": "NO. 11"}
    ]
    plain = source.columns(["title"], viewer)
    (chunk,) = read(rows.order_by("pk"), plain, viewer, batch_rows=50, policy="blank")
    assert chunk.batch.num_rows == 23


def test_times_and_language_are_the_viewers_while_rows_are_read(german):
    seen = []

    def look(row):
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))

    Painting.objects.bulk_create(Painting(title=str(n)) for n in range(3))
    specs = specs_of(german, look)
    reading = read(Painting.objects.order_by("pk"), specs, german, batch_rows=1, policy="blank")
    outside = translation.get_language(), timezone.get_current_timezone_name()
    for _ in reading:
        assert (translation.get_language(), timezone.get_current_timezone_name()) == outside
    assert set(seen) == {("de", "Europe/Berlin")}


def test_wall_clock_times_are_kept_where_the_project_has_no_zones(viewer, settings):
    Painting.objects.create()
    settings.USE_TZ = False
    moment = datetime(2024, 1, 1, 12)
    column = Column(lambda row: moment, title="Value", kind=Kind.DATETIME)
    found, _ = table(viewer, column)
    assert found["value"].type == pa.timestamp("us")
    assert found["value"].to_pylist() == [moment]


def test_the_weight_of_rows_follows_their_text_and_reads_two_hundred(viewer):
    Painting.objects.bulk_create(Painting(title="x" * 10) for _ in range(200))
    specs = specs_of(viewer, "title", "price")
    rows = Painting.objects.order_by("pk")
    light = sample_weight(rows, specs, viewer)
    assert light is not None
    Painting.objects.update(title="x" * 40)
    assert sample_weight(rows, specs, viewer) == light + 30
    Painting.objects.bulk_create(Painting(title="x" * 50) for _ in range(200))
    assert sample_weight(rows, specs, viewer) == light + 30


def test_lone_surrogates_in_json_are_replaced(viewer):
    column = Column(lambda row: {"a": "\ud800"}, title="Value")
    Painting.objects.create()
    assert cells(viewer, column) == [['{"a":"\ufffd"}']]
