from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from exportapp.tables.selection import Selection, Viewer
from project.shop.loading import seed_shop


@pytest.fixture(autouse=True)
def _own_surroundings(settings: Any, tmp_path: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "exports": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": tmp_path / "exports"},
        }
    }


@pytest.fixture
def shop(transactional_db: None) -> None:
    """A shop with 40 orders, for tests that do the work of an export."""
    seed_shop(40, seed=1)


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """A person of the staff with these permissions; orders may be exported unless said."""

    def make(name: str = "bea", *codenames: str, **flags: bool) -> User:
        user = User.objects.create_user(name, is_staff=True, **flags)
        codenames = codenames or ("export_order",)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return user

    return make


def seen_by(user: Any) -> Viewer:
    return Viewer(user=user, language="en", time_zone="UTC")


def paid(since: str = "2020-01-01", **more: Any) -> Selection:
    columns = more.pop("columns", None)
    return Selection(source="paid-orders", columns=columns, parameters={"since": since, **more})
