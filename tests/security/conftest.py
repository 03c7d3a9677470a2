from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection, Viewer
from project.shop.loading import seed_shop

JOBS = "/admin/exportapp/exportjob/"
ORDERS = "/admin/shop/order/"
API = "/api/exports/"


def make_person(name: str, *codenames: str, **flags: bool) -> User:
    """Somebody of the staff with these permissions."""
    user = User.objects.create_user(name, **({"is_staff": True} | flags))
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def make_clerk(name: str) -> User:
    return make_person(name, "view_order", "export_order")


def browser_of(user: User | None) -> Client:
    """A signed-in browser that is told of an error instead of raising it."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


def seen_by(user: Any) -> Viewer:
    return Viewer(user=user, language="en", time_zone="UTC")


def asked_by(user: Any, source: str = "shop.Order", **asked: Any) -> ExportJob:
    """An export that nobody works on."""
    return lifecycle.create(Selection(source=source, **asked), seen_by(user), queue=False)[0]


@pytest.fixture(autouse=True)
def _own_exports(settings: Any, tmp_path: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "exports": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": tmp_path / "exports"},
        }
    }


@pytest.fixture
def committing(transactional_db: None) -> None:
    """For exports that fail: a worker lets go of its connection then, and of all in between."""
    seed_shop(2, seed=1)


@pytest.fixture
def clerk(db: None) -> User:
    """May see and export orders, and nothing else."""
    return make_clerk("ann")


@pytest.fixture
def root(db: None) -> User:
    return make_person("root", is_superuser=True)


@pytest.fixture
def desk(clerk: User) -> Client:
    """The clerk's browser."""
    return browser_of(clerk)


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log has of errors so far."""
    return lambda: [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
