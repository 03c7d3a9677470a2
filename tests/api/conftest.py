from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from exportapp.jobs.work import work
from exportapp.models import ExportJob
from project.shop.loading import seed_shop

URL = "/api/exports/"


@pytest.fixture
def shop(transactional_db):
    """A shop with 25 orders, for tests that have a worker commit its pieces."""
    seed_shop(25, seed=1)


@pytest.fixture
def person(db, django_user_model) -> Callable[..., Any]:
    """A user who may export orders, or not."""

    def make(name: str, *, may_export: bool = True, **flags: bool) -> Any:
        user = django_user_model.objects.create_user(name, is_staff=True, **flags)
        if may_export:
            user.user_permissions.add(Permission.objects.get(codename="export_order"))
        return user

    return make


@pytest.fixture
def sign_in() -> Callable[[Any], APIClient]:
    """A client with the session of this user."""

    def client_of(user: Any) -> APIClient:
        client = APIClient()
        client.force_login(user)
        return client

    return client_of


@pytest.fixture
def api(person, sign_in) -> APIClient:
    """The client of "ann", who may export orders."""
    return sign_in(person("ann"))


def ask(client: APIClient, **body: Any) -> Any:
    """The body of the answer to a new export of the orders."""
    response = client.post(URL, {"source": "shop.Order"} | body, format="json")
    assert response.status_code in {200, 201}, response.content
    return response.json()


def finished(client: APIClient, **body: Any) -> Any:
    """The same after a worker is done with it."""
    return worked(client, ask(client, **body))


def worked(client: APIClient, export: Any) -> Any:
    work(export["id"])
    found = client.get(export["links"]["self"]).json()
    assert found["state"] == "succeeded", found
    return found


def job_of(export: Any) -> ExportJob:
    return ExportJob.objects.get(pk=export["id"])
