from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from exportapp.jobs import lifecycle
from exportapp.jobs.work import step, work
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection, Viewer
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.jobs.test_work import step_until

ORDERS = reverse("admin:shop_order_changelist")
EXPORT_ALL = reverse("admin:shop_order_export_to_excel")
JOBS = reverse("admin:exportapp_exportjob_changelist")
ASK = reverse("admin:exportapp_exportjob_ask", args=["shop.Order"])


def page_of(job: ExportJob) -> str:
    return reverse("admin:exportapp_exportjob_change", args=[job.pk])


def address(view: str, job: ExportJob, *args: Any) -> str:
    return reverse(f"admin:exportapp_exportjob_{view}", args=[job.pk, *args])


def make_person(name: str, *codenames: str, is_superuser: bool = False) -> User:
    person = User.objects.create_user(name, is_staff=True, is_superuser=is_superuser)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def orders(db: None) -> list[Order]:
    seed_shop(30, seed=1)
    return list(Order.objects.order_by("pk"))


@pytest.fixture
def clerk(db: None) -> User:
    """Of the staff, may see and export orders, and nothing else."""
    return make_person("clerk", "view_order", "export_order")


@pytest.fixture
def desk(client: Client, clerk: User) -> Client:
    """The browser of the clerk."""
    client.force_login(clerk)
    return client


def ask_for(person: User, query: str = "") -> ExportJob:
    """An export of the orders of a list with this query string, as `person` asks for it there."""
    selection = Selection(source="shop.Order", query=dict(QueryDict(query).lists()))
    viewer = Viewer(user=person, language="en", time_zone="UTC")
    job, _ = lifecycle.create(selection, viewer)
    return job


@pytest.fixture
def asked(clerk: User, orders: list[Order]) -> ExportJob:
    """An export of all orders that the clerk asked for and nobody has begun."""
    return ask_for(clerk)


@pytest.fixture
def finish() -> Callable[[ExportJob], ExportJob]:
    """Do the work of an export here and now."""

    def do(job: ExportJob) -> ExportJob:
        work(job.pk)
        job.refresh_from_db()
        assert job.can_download, job.error
        return job

    return do


@pytest.fixture
def running(asked: ExportJob, settings: Any) -> ExportJob:
    """Three shards of ten rows, all read, one written."""
    settings.EXPORTAPP_SHARD_ROWS = 10
    step_until(asked, "rendering")
    step(asked)
    asked.refresh_from_db()
    return asked
