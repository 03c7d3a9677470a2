"""Columns that ask for a permission, and every other way to their values."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import F
from django.db.models.functions import Lower

from exportapp.exceptions import NotAllowed, RequestRefused, UnknownName
from exportapp.tables.columns import Column
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import Source
from tests.gallery.models import Painting

pytestmark = pytest.mark.django_db

SEE = "gallery.change_painting"


class PricedAdmin(admin.ModelAdmin):
    list_display = ("title", "price", "shouted", "artist", "state")
    list_filter = ("price", "state")
    search_fields = ("title",)
    export_columns = (
        "title",
        Column("price", permission=SEE),
        Column("artist__born", permission=lambda user: user.username == "chief"),
        Column(F("price") - F("rate"), title="Margin", permission=SEE),
        "state",
    )

    @admin.display(ordering=Lower("price"))
    def shouted(self, painting):
        return painting.title

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(dear=F("price"))


@pytest.fixture
def prices():
    return Source(PricedAdmin(Painting, admin.site))


def person(name, *codenames):
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return Viewer(user=user, language="en", time_zone="UTC")


def asked(source, viewer, **selection):
    return source.queryset(Selection(source="gallery.Painting", **selection), viewer)


def test_without_the_permission_a_column_is_not_there(prices, viewer):
    clerk = person("clerk", "view_painting", "view_artist")
    trusted = person("trusted", "view_painting", "change_painting")
    keys = [[spec.key for spec in prices.columns(None, eyes)] for eyes in (clerk, trusted, viewer)]
    assert keys == [
        ["title", "state"],
        ["title", "price", "margin", "state"],
        ["title", "price", "margin", "state"],
    ]
    offered = prices.available_columns(clerk)
    assert not {"price", "margin", "artist__born"} & set(offered)
    assert {"title", "copies", "shouted"} <= set(offered)


def test_a_function_of_the_user_may_decide(prices):
    chief = person("chief")
    assert "artist__born" in prices.available_columns(chief)
    assert [spec.key for spec in prices.columns(["artist__born"], chief)] == ["artist__born"]


@pytest.mark.parametrize("name", ["price", "margin", "artist__born", "artist__born__year"])
def test_a_withheld_column_is_refused_with_those_that_are_there(prices, name):
    clerk = person("clerk", "view_painting", "view_artist")
    with pytest.raises(UnknownName, match=rf"column '{name}'.*Valid: title, state") as refused:
        prices.columns([name], clerk)
    assert "price" not in refused.value.valid


@pytest.mark.parametrize(
    "name",
    [
        *("price", "price__gte", "price__isnull", "price__abs__lt", "artist__born__year"),
        *("artist__works__price__gte", "artist__works__artist__born"),
    ],
)
def test_a_filter_that_asks_about_it_is_refused_on_every_path(prices, name):
    clerk = person("clerk", "view_painting", "change_artist")
    with pytest.raises(UnknownName, match=rf"filter '{name}'.*Valid: id, title") as refused:
        asked(prices, clerk, query={name: ["1"]})
    assert "price" not in refused.value.valid
    assert (
        asked(prices, person("trusted", "change_painting"), query={"price__gte": ["1"]}) is not None
    )


@pytest.mark.parametrize("order", ["price", "-price", "margin", "shouted", "artist__born"])
def test_an_order_by_it_is_refused(prices, order):
    with pytest.raises(UnknownName, match="Unknown order.*Valid: title, state"):
        asked(prices, person("clerk", "view_painting", "view_artist"), order=(order,))


@pytest.mark.parametrize("clicked", ["2", "1.-2", "-3"])
def test_a_click_on_its_heading_is_refused(prices, clicked):
    clerk = person("clerk", "view_painting")
    with pytest.raises(RequestRefused, match="cannot be ordered by its column"):
        asked(prices, clerk, query={"o": [clicked]})
    assert asked(prices, clerk, query={"o": ["1.-5.99.x"]}) is not None


def test_a_search_that_looks_into_it_is_refused(prices, monkeypatch):
    clerk = person("clerk", "view_painting")
    assert asked(prices, clerk, query={"q": ["lamp"]}) is not None
    monkeypatch.setattr(PricedAdmin, "search_fields", ("title", "=price"))
    with pytest.raises(RequestRefused, match="search looks into a column that you may not have"):
        asked(prices, clerk, query={"q": ["12"]})
    assert asked(prices, clerk, query={"q": [""]}) is not None


def test_a_relation_takes_what_is_behind_it_along(paintings, monkeypatch):
    monkeypatch.setattr(PricedAdmin, "export_columns", (Column("artist", permission=SEE), "title"))
    source = Source(PricedAdmin(Painting, admin.site))
    clerk = person("clerk", "view_painting", "view_artist", "view_country")
    for path in ("artist", "artist_id", "artist__name", "artist__pk"):
        with pytest.raises(UnknownName):
            source.columns([path], clerk)
        with pytest.raises(UnknownName):
            asked(source, clerk, query={path: ["1"]})


def test_an_annotation_is_withheld_by_its_name(monkeypatch):
    monkeypatch.setattr(PricedAdmin, "export_columns", (Column("dear", permission=SEE), "title"))
    source = Source(PricedAdmin(Painting, admin.site))
    clerk = person("clerk", "view_painting")
    with pytest.raises(UnknownName, match="filter 'dear__gte'"):
        asked(source, clerk, query={"dear__gte": ["1"]})
    with pytest.raises(UnknownName, match="order 'dear'"):
        asked(source, clerk, order=("dear",))


def test_what_is_exported_already_is_asked_again(prices):
    clerk = person("clerk", "view_painting")
    withheld = prices.withheld(clerk.user)
    assert withheld.among(["title", "price"]) == ["price"]
    with pytest.raises(NotAllowed, match=f"'price': the permission '{SEE}' is missing"):
        withheld.require(["title", "price"], clerk.user)
    with pytest.raises(NotAllowed, match="column 'artist__born'"):
        withheld.require(["artist__born"], clerk.user)
    withheld.require(["title", "state"], clerk.user)
