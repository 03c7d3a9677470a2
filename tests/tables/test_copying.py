"""The two readers give the same cells, whatever is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from django.db import connection
from django.db.models import Count, F
from django.db.models.functions import Upper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exportapp.tables.arrays import arrow_schema
from exportapp.tables.columns import Column
from exportapp.tables.copyable import obstacle
from exportapp.tables.copying import copy
from exportapp.tables.copyout import NotPlain
from exportapp.tables.readers import read
from tests.gallery.models import Artist, Painting
from tests.tables.reading import specs_of

# COPY has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = (
    *("id", "title", "state", "stars", "copies", "price", "rate", "weight", "sold", "made_on"),
    *("seen_at", "opens_at", "dried_in", "serial", "scan", "address"),
)
COLUMNS = (
    *FIELDS,
    "artist",
    "artist__name",
    "artist__country",
    Column("state", title="Code", label=False),
    Column("artist", title="Key", label=False),
    Column(Upper("title"), title="Loud"),
    Column(F("copies") * 2, title="Twice"),
)

LETTERS = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))
TEXT = st.text(LETTERS, max_size=50)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))


def places(digits, places):
    return st.decimals(-(10 ** (digits - places)) + 1, 10 ** (digits - places) - 1, places=places)


PAINTINGS = st.fixed_dictionaries(
    {"title": TEXT, "scan": TEXT, "copies": st.integers(-(2**30), 2**30 - 1)},
    optional={
        "state": st.sampled_from(["sketch", "done", "lost", ""]),
        "stars": st.sampled_from([1, 5, 7, None]),
        "price": places(12, 2),
        "rate": places(12, 8),
        "weight": st.floats(),
        "sold": st.booleans(),
        "made_on": st.dates(),
        "seen_at": MOMENTS,
        "opens_at": st.times(),
        "dried_in": st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000)),
        "serial": st.uuids(),
        "address": st.ip_addresses().map(str),
    },
)


def copied(viewer, *columns, rows=None, batch_rows=4):
    specs = specs_of(viewer, *columns)
    rows = Painting.objects.order_by("pk") if rows is None else rows
    assert obstacle(rows, specs) is None
    batches = [chunk.batch for chunk in copy(rows, specs, viewer, batch_rows=batch_rows)]
    return pa.Table.from_batches(batches, arrow_schema(specs))


def through_orm(viewer, *columns, rows=None):
    specs = specs_of(viewer, *columns)
    rows = Painting.objects.order_by("pk") if rows is None else rows
    chunks = read(rows, specs, viewer, batch_rows=100, policy="fail")
    return pa.Table.from_batches([chunk.batch for chunk in chunks], arrow_schema(specs))


def same(one, other):
    assert one.schema == other.schema
    for name in one.column_names:
        # repr(), since NaN is not equal to itself.
        assert repr(one[name].to_pylist()) == repr(other[name].to_pylist()), name


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(PAINTINGS, max_size=9))
def test_both_readers_give_the_same_cells(artists, viewer, way, rows):
    Painting.objects.all().delete()
    Painting.objects.bulk_create(
        Painting(artist=artists[number % 5] if number % 3 else None, **row)
        for number, row in enumerate(rows)
    )
    # The bytes of an address are not known in the binary format.
    columns = [column for column in COLUMNS if way != "binary" or column != "address"]
    same(copied(viewer, *columns), through_orm(viewer, *columns))


def test_labels_and_titles_are_the_viewer_s(paintings, german):
    same(copied(german, *COLUMNS), through_orm(german, *COLUMNS))
    assert "Ja" in copied(german, "state")["state"].to_pylist()


ODD = (
    *(
        "\\",
        "\\\\",
        "\\N",
        "\\\\N",
        "\\.",
        "\\n",
        "\\\n",
        "\\\\n",
        "\\\\\n",
        "n\\",
        "\\t\t\\",
        "\\x41\\101",
    ),
    *(
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\b",
        "\f",
        "\v",
        "a\tb\nc\\d",
        '"',
        '"a","b"',
        ",",
        "\x7f",
        "\N{SNOWMAN}\\",
    ),
)


@pytest.mark.usefixtures("way")
def test_what_copy_writes_in_another_way_comes_back_as_it_was(viewer):
    Painting.objects.bulk_create(Painting(title=text, address=None) for text in ODD)
    same(copied(viewer, "title", "id"), through_orm(viewer, "title", "id"))
    assert copied(viewer, "title")["title"].to_pylist() == list(ODD)


def test_null_and_empty_text_are_told_apart(viewer):
    Painting.objects.create(title="", address=None)
    (row,) = copied(viewer, "title", "address").to_pylist()
    assert row == {"title": "", "address": None}


def test_quotes_separators_and_line_ends_in_text_stay(viewer):
    odd = 'a,b;"c"\r\nd\n\\N\\.\t"'
    Painting.objects.create(title=odd)
    assert copied(viewer, "title")["title"].to_pylist() == [odd]


@pytest.mark.usefixtures("way")
def test_batches_hold_whole_rows_and_no_more_than_asked(paintings, viewer):
    specs = specs_of(viewer, "title", "copies")
    chunks = list(copy(Painting.objects.order_by("-copies"), specs, viewer, batch_rows=7))
    batches = [chunk.batch for chunk in chunks]
    assert [batch.num_rows for batch in batches] == [7, 7, 7, 2]
    assert [len(chunk.keys) for chunk in chunks] == [7, 7, 7, 2]
    numbers = [row["copies"] for batch in batches for row in batch.to_pylist()]
    assert numbers == list(range(22, -1, -1))


def test_parameters_of_filters_are_quoted(paintings, viewer):
    rows = Painting.objects.filter(title__in=["No. 03", "'; DROP", "100%s %"]).order_by("pk")
    assert copied(viewer, "title", rows=rows)["title"].to_pylist() == ["No. 03"]


@pytest.mark.usefixtures("way")
def test_no_row_can_match(viewer):
    assert copied(viewer, "title", rows=Painting.objects.none().order_by("pk")).num_rows == 0
    assert copied(viewer, "title", rows=Painting.objects.filter(pk__in=[])).num_rows == 0


def test_aggregates_and_their_groups_are_read_too(paintings, viewer):
    # A price comes by a cast, which a query in groups has to have among them.
    columns = ("title", "price", "serial", Column(Count("tags"), title="Tags"), "artist__name")
    same(copied(viewer, *columns), through_orm(viewer, *columns))


def test_a_related_object_is_fetched_once_and_not_per_row(
    paintings, viewer, django_assert_num_queries
):
    specs = specs_of(viewer, "title", "artist")
    with django_assert_num_queries(1):
        # COPY itself goes past Django's counter: this is the one in_bulk().
        list(copy(Painting.objects.order_by("pk"), specs, viewer, batch_rows=100))


@pytest.mark.parametrize("value", [Decimal("NaN")])
def test_a_number_that_is_none_is_left_to_the_orm_reader(viewer, value):
    Painting.objects.create(title="x")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE gallery_painting SET price = 'NaN'")
    with pytest.raises(NotPlain, match="finite"):
        copied(viewer, "price")


def test_a_related_text_that_cannot_be_made_is_left_to_the_orm_reader(
    paintings, viewer, monkeypatch
):
    monkeypatch.setattr(Artist, "__str__", lambda self: 1 / 0)
    with pytest.raises(NotPlain):
        copied(viewer, "artist")
