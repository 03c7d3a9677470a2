from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.changelist import request_of
from exportapp.tables.keyset import Keyset
from exportapp.tables.selection import Selection
from exportapp.tables.sources import Source, find_source
from tests.gallery.models import Mural, Painting, Print, SoldPainting, Tag

pytestmark = pytest.mark.django_db


def listed(model, viewer, query):
    """Keys of the list page, all pages, in its order."""
    request = RequestFactory().get("/", QueryDict(query))
    request.GET = QueryDict(query)
    request.user = viewer.user
    with viewer.active():
        changes = admin.site.get_model_admin(model).get_changelist_instance(request)
        return [row.pk for row in changes.queryset]


def exported(model, viewer, query="", **selection):
    source = find_source(model._meta.label)
    asked = Selection(source=source.label, query=dict(QueryDict(query).lists()), **selection)
    with viewer.active():
        return [row.pk for row in source.queryset(asked, viewer)]


@pytest.fixture
def tagged(paintings):
    tags = [Tag.objects.create(name=name) for name in ("oil", "oak")]
    for month, painting in enumerate(paintings[:12], 1):
        painting.tags.set(tags)
        Painting.objects.filter(pk=painting.pk).update(
            seen_at=datetime(2024, month, 28, 23, 30, tzinfo=UTC), stars=5
        )
    return paintings


QUERIES = [
    "",
    "p=2",
    "all=",
    "e=1",
    "_facets=True",
    "_popup=1&o=1",
    "o=1",
    "o=-2.1",
    "o=5.-6",
    "o=-6",
    "o=99.x",
    "state__exact=done",
    "state__exact=done&state__exact=sketch",
    "stars__isnull=True",
    "stars__exact=5",
    "sold__exact=1",
    "sold__isnull=True",
    "artist__id__exact=1",
    "artist__isnull=True",
    "artist__country__code__exact=nl",
    "artist__country__isnull=True",
    "tags__id__exact=1",
    "tags__isnull=True",
    "price__isempty=0",
    "title=No.+03",
    "artist__name=Artist+1",
    "price_band=dear",
    "price_band=cheap&q=No&o=-1",
    "q=No.+1",
    "q=o",
    "q=Artist+1",
    "q=copies:3",
    "q=%22No.+1%22",
    "seen_at__year=2024",
    "seen_at__year=2024&seen_at__month=3",
    "seen_at__gte=2024-03-01+00:00:00%2B00:00",
    "copies__gt=7&copies__lt=12",
    "copies__in=1,2,3",
    "state=done",
]


@pytest.mark.parametrize("query", QUERIES)
def test_what_the_list_shows_is_what_is_read(query, tagged, viewer):
    assert exported(Painting, viewer, query) == listed(Painting, viewer, query)


def test_dates_in_filters_are_the_viewers_dates(tagged, german):
    query = "seen_at__year=2024&seen_at__month=5&seen_at__day=29"
    # 23:30 in London on the 28th is the 29th in Berlin.
    found = exported(Painting, german, query)
    assert found
    assert found == listed(Painting, german, query)


def test_the_modeladmins_own_queryset_sees_the_viewer(paintings, clerk, viewer):
    Painting.objects.filter(pk=paintings[3].pk).update(title="hidden treasure")
    assert paintings[3].pk in exported(Painting, viewer)
    assert paintings[3].pk not in exported(Painting, clerk)
    assert exported(Painting, clerk) == listed(Painting, clerk, "")


def test_nothing_counts_the_table(paintings, viewer):
    source = find_source("gallery.Painting")
    with CaptureQueriesContext(connection) as captured, viewer.active():
        rows = source.queryset(Selection(source="gallery.Painting", query={"q": ["No"]}), viewer)
        Keyset.of(rows).hop(None, 5)
    assert not [query["sql"] for query in captured if "SELECT COUNT" in query["sql"].upper()]


def test_the_list_page_itself_goes_on_counting(paintings, viewer):
    exported(Painting, viewer)
    model_admin = find_source("gallery.Painting").model_admin
    assert model_admin.get_changelist_instance(request_of(viewer, {})).result_count == 23


def test_ticked_rows_are_a_part_of_the_list(paintings, viewer):
    ticked = tuple(str(painting.pk) for painting in paintings[4:8])
    assert exported(Painting, viewer, "copies__gt=5&o=-4", keys=ticked) == [
        painting.pk for painting in (paintings[7], paintings[6])
    ]


def test_no_ticked_row_is_no_row(paintings, viewer):
    assert exported(Painting, viewer, keys=()) == []


def test_keys_are_read_as_their_field_writes_them(viewer):
    prints = [Print.objects.create(series="a", number=number) for number in range(3)]
    mural = Mural.objects.create(title="m", wall="w")
    assert exported(Print, viewer, keys=(str(prints[1].pk),)) == [prints[1].pk]
    assert exported(Mural, viewer, keys=(str(mural.pk),)) == [mural.pk]


def test_an_order_by_name_replaces_the_lists(paintings, viewer):
    copies = {painting.pk: painting.copies for painting in paintings}
    found = exported(Painting, viewer, "o=1", order=("state", "-copies"))
    assert [copies[pk] for pk in found][:3] == [21, 18, 15]
    assert exported(Painting, viewer, order=("shout",)) == exported(Painting, viewer, "o=6")
    assert exported(Painting, viewer, order=("-shout",)) == exported(Painting, viewer, "o=-6")


def test_proxies_and_inherited_models_are_sources(paintings, viewer):
    assert exported(SoldPainting, viewer) == listed(SoldPainting, viewer, "")
    assert find_source("gallery.mural").label == "gallery.Mural"


def test_a_model_without_an_admin_gets_a_plain_one(viewer):
    source = find_source("gallery.HANGING")
    assert type(source.model_admin) is admin.ModelAdmin
    assert source.available_columns(viewer) == ("room", "place", "painting")


@pytest.mark.parametrize(
    ("label", "site", "message"),
    [
        ("gallery.Paintin", "admin", "Did you mean 'gallery.Painting'"),
        ("Painting", "admin", "Unknown export 'Painting'"),
        ("nowhere.Painting", "admin", "Unknown model"),
        ("gallery.Painting", "backstage", "Unknown admin site 'backstage'. Valid: admin"),
    ],
)
def test_an_unknown_source_is_named_with_what_is_valid(label, site, message):
    with pytest.raises(UnknownName, match=message):
        find_source(label, site)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("stat=done", UnknownName, "Unknown filter 'stat'. Did you mean 'state'"),
        ("copies__exact=many", RequestRefused, r"filter 'copies__exact=many'.*expected a number"),
        ("state__exact=done&copies=x", RequestRefused, "filter 'copies=x'"),
        ("seen_at__year=2024&seen_at__month=13", RequestRefused, r"month=13.*month must be"),
        ("artist__born=1900-01-01", RequestRefused, r"'artist__born=.*not allowed.*price_band"),
        ("_to_field=title", RequestRefused, "parameter '_to_field=title'"),
        ("q=a%00b", RequestRefused, "search 'q=a\x00b'"),
        ("tags__id__exact=x", RequestRefused, "filter 'tags__id__exact=x'"),
    ],
)
def test_a_filter_that_the_list_would_not_take_is_refused_by_name(
    query, error, message, viewer, tagged
):
    with pytest.raises(error, match=message) as refused:
        exported(Painting, viewer, query)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        ({"order": ("?",)}, UnknownName, r"order '\?'"),
        ({"order": ("-colour",)}, UnknownName, "Unknown order 'colour'"),
        ({"order": ("is_dear",)}, UnknownName, "Unknown order 'is_dear'"),
        ({"order": ("tags",)}, RequestRefused, "many rows"),
        ({"keys": ("seven",)}, RequestRefused, r"'seven' is not a key of .*\('id'\)"),
    ],
)
def test_an_order_or_key_that_cannot_be_is_refused(selection, error, message, viewer):
    with pytest.raises(error, match=message):
        exported(Painting, viewer, **selection)


class Cut(admin.ModelAdmin):
    def get_queryset(self, request):
        return super().get_queryset(request).order_by("?")


class First(admin.ModelAdmin):
    def get_search_results(self, request, queryset, search_term):
        return queryset[:3], False


@pytest.mark.parametrize(("model_admin", "message"), [(Cut, "random"), (First, "cut off")])
def test_a_list_without_ranges_is_refused(model_admin, message, viewer):
    with pytest.raises(RequestRefused, match=message):
        Source(model_admin(Tag, admin.site)).queryset(Selection(source="gallery.Tag"), viewer)


def test_a_composite_key_cannot_be_ticked(viewer):
    with pytest.raises(RequestRefused, match="composite"):
        find_source("gallery.Hanging").queryset(
            Selection(source="gallery.Hanging", keys=("1",)), viewer
        )
