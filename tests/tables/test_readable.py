from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from exportapp.exceptions import UnknownName
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import find_source

pytestmark = pytest.mark.django_db


def test_a_person_may_name_what_the_change_page_shows(clerk, viewer):
    secrets = find_source("gallery.Secret")
    assert secrets.available_columns(clerk) == ("id", "name")
    assert "password" in secrets.available_columns(viewer)
    with pytest.raises(UnknownName, match="Unknown column 'password'"):
        secrets.columns(["password"], clerk)
    with pytest.raises(UnknownName, match="Unknown order 'password'"):
        secrets.queryset(Selection(source="gallery.Secret", order=("password",)), clerk)


def test_the_hash_of_a_password_is_never_a_column():
    admin_user = User.objects.create_superuser("chief")
    chief = Viewer(user=admin_user, language="en", time_zone="UTC")
    assert "password" not in find_source("auth.User").available_columns(chief)


def test_paths_lead_only_where_the_person_may_look(clerk):
    paintings = find_source("gallery.Painting")
    for path in ("artist__name", "artist__passport"):
        with pytest.raises(UnknownName, match=f"Unknown column '{path}'"):
            paintings.columns([path], clerk)
    clerk.user.user_permissions.add(Permission.objects.get(codename="view_artist"))
    allowed = Viewer(user=User.objects.get(), language="en", time_zone="UTC")
    assert paintings.columns(["artist__name"], allowed)[0].title == "Artist name"
    for path in ("artist__passport", "artist__secret__password"):
        with pytest.raises(UnknownName):
            paintings.columns([path], allowed)


@pytest.mark.parametrize("name", ["delete", "doubled", "artist__delete", "objects", "pk__x"])
def test_nobody_can_name_an_attribute_that_is_not_on_the_list(name, viewer):
    with pytest.raises(UnknownName):
        find_source("gallery.Painting").columns([name], viewer)
