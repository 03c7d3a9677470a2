"""A filter, an order or a search tells nothing that the person could not see in the admin."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission, User
from django.db.models import F

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.selection import Operator, Selection, Viewer
from exportapp.tables.sources import Source
from tests.gallery.models import Artist, Painting

pytestmark = pytest.mark.django_db


class LaxAdmin(admin.ModelAdmin):
    """Says yes to every lookup, as many do; its page lays out a few fields."""

    fields = ("title", "artist", "state", "tags", "notes")
    list_display = ("title", "copies", "doubled_price")
    list_filter = ("sold", "artist__country")
    search_fields = ("title",)
    date_hierarchy = "seen_at"

    def lookup_allowed(self, lookup, value, request=None):
        return True

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(doubled_price=F("price") * 2, hint=F("price"))

    def doubled_price(self, painting):
        return painting.doubled_price


@pytest.fixture
def paintings_of():
    return Source(LaxAdmin(Painting, admin.site))


def person(name, *codenames):
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return Viewer(user=user, language="en", time_zone="UTC")


def asked(source, viewer, **selection):
    return source.queryset(Selection(source=source.label, **selection), viewer)


TAKEN = [
    *("title__startswith", "state", "artist", "artist__isnull", "tags", "tags__isnull"),
    # In the list, beside it, and above it.
    *("copies__gte", "doubled_price__gte", "sold", "artist__country", "seen_at__year"),
    *("artist__country__code", "notes__colour"),
]
HIDDEN = [
    # On the model, and nowhere that this person could look.
    *("price", "price__gte", "rate__isnull", "address__startswith", "hint__gte", "pk__in__x__y"),
    # Behind a relation that this person may not view.
    *("artist__name", "artist__name__startswith", "artist__born__year", "artist__country__name"),
    *("artist__works__price", "tags__name", "tags__name__startswith", "artist__passport__number"),
]


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_admin_shows_may_be_filtered_by(paintings_of, name):
    values = {"seen_at__year": "2024", "state": "done", "artist__country__code": "nl"}
    assert asked(paintings_of, person("clerk"), query={name: [values.get(name, "1")]}) is not None


@pytest.mark.parametrize("name", HIDDEN)
def test_what_the_admin_hides_may_not_be_filtered_by(paintings_of, name):
    with pytest.raises(RequestRefused) as refused:
        asked(paintings_of, person("clerk"), query={name: ["1"]})
    assert "Valid" in str(refused.value) or "cannot be used" in str(refused.value)
    assert "price," not in str(refused.value).partition("Valid")[2].replace("doubled_price,", "")


def test_who_may_view_the_related_model_may_ask_about_its_page(paintings_of):
    clerk = person("clerk", "view_artist", "view_tag")
    for name in ("artist__name__startswith", "tags__name", "artist__born__year"):
        value = ["1"]
        assert asked(paintings_of, clerk, query={name: value}) is not None, name
    for name in ("artist__works__price", "artist__country__name"):
        with pytest.raises(UnknownName):
            asked(paintings_of, clerk, query={name: ["1"]})


def test_an_operator_may_ask_about_everything(paintings_of):
    viewer = Viewer(user=Operator(), language="en", time_zone="UTC")
    for name in ("price", "artist__name", "title__regex"):
        assert asked(paintings_of, viewer, query={name: ["1"]}) is not None


@pytest.mark.parametrize(
    "name", ["price", "rate", "artist__name", "tags__name", "hint", "password"]
)
def test_no_order_tells_what_is_hidden(paintings_of, name):
    with pytest.raises(RequestRefused):
        asked(paintings_of, person("clerk"), order=(name,))


@pytest.mark.parametrize(
    "name",
    ["password", "password__startswith", "user_permissions__content_type__model", "groups__name"],
)
def test_no_filter_tells_a_password(name):
    clerk = person("clerk", "view_user", "change_user")
    source = Source(UserAdmin(User, admin.site))
    with pytest.raises(RequestRefused):
        asked(source, clerk, query={name: ["a"]})
    with pytest.raises(RequestRefused):
        asked(source, clerk, order=(name,))


def test_passwords_behind_a_relation_are_hidden_from_superusers_too():
    class LogAdmin(admin.ModelAdmin):
        def lookup_allowed(self, lookup, value, request=None):
            return True

    root = User.objects.create_superuser("root")
    viewer = Viewer(user=root, language="en", time_zone="UTC")
    source = Source(LogAdmin(LogEntry, admin.site))
    assert asked(source, viewer, query={"user__username": ["a"]}) is not None
    with pytest.raises(UnknownName):
        asked(source, viewer, query={"user__password__startswith": ["a"]})


@pytest.mark.parametrize(
    "query",
    [{"_to_field": ["title"]}, {"_to_field": ["artist__name"]}],
)
def test_other_parameters_of_the_list_open_no_door(paintings_of, query):
    with pytest.raises(RequestRefused):
        asked(paintings_of, person("clerk"), query=query)


def test_a_filter_of_the_list_takes_only_its_own_parameters(paintings_of):
    artist = Source(admin.ModelAdmin(Artist, admin.site))
    with pytest.raises(RequestRefused, match="not allowed|Unknown filter"):
        asked(artist, person("clerk"), query={"works__price__gte": ["1"]})
