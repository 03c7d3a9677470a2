from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from exportapp.tables import copybinary, copyout
from exportapp.tables.selection import Operator, Viewer
from tests.gallery.models import Artist, Country, Painting
from tests.services import ON_SQLITE

# COPY is PostgreSQL's; test_copyable says what happens elsewhere.
collect_ignore = ["test_copying.py", "test_copy_ends.py"] if ON_SQLITE else []


@pytest.fixture
def viewer():
    return Viewer(user=Operator(), language="en", time_zone="UTC")


@pytest.fixture
def german():
    return Viewer(user=Operator(), language="de", time_zone="Europe/Berlin")


@pytest.fixture
def artists():
    """Five of them, two in no country."""
    countries = [Country.objects.create(code=code, name=code.upper()) for code in ("nl", "es")]
    return [
        Artist.objects.create(name=f"Artist {number}", country=country)
        for number, country in enumerate([*countries, None, None, countries[0]])
    ]


@pytest.fixture
def paintings(artists):
    """Twenty-three of them, every fourth without an artist."""
    rows = [
        Painting(
            title=f"No. {number:02}",
            artist=artists[number % 5] if number % 4 else None,
            copies=number,
            price=number * 10,
            state=Painting.State.SKETCH if number % 3 else Painting.State.DONE,
            sold=[True, False, None][number % 3],
        )
        for number in range(23)
    ]
    return Painting.objects.bulk_create(rows)


@pytest.fixture
def clerk():
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_painting"))
    return Viewer(user=user, language="en", time_zone="UTC")


@pytest.fixture(params=["binary", "text", "libpq"])
def way(request, monkeypatch):
    """All ways to COPY's bytes; a connection that is encrypted goes the last."""
    if request.param == "libpq":
        monkeypatch.setattr(copyout, "is_plain_socket", lambda connection: False)
    if request.param == "text":
        monkeypatch.setattr(copybinary, "KNOWN", {})
    return request.param
