"""Columns through a whole export: as the person who asked, and only while they may have them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from exportapp import Column
from exportapp.exceptions import NotAllowed
from exportapp.jobs import delivery, lifecycle, work
from exportapp.models import ExportJob, ExportShard
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.admin import OrderAdmin
from tests.gallery.admin import PaintingAdmin
from tests.gallery.models import Painting, Relic, Tag
from tests.jobs.conftest import finish
from tests.oracle import sheets


@pytest.fixture
def clerk(transactional_db: None) -> User:
    user = User.objects.create_user("clerk", is_staff=True)
    rights = ["view_order", "export_order", "change_order"]
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def asked(
    orders: Callable[[int], None], clerk: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> ExportJob:
    """Orders with their amount, which takes a right of its own, in two shards."""
    columns = ("number", Column("amount", permission="shop.change_order"))
    monkeypatch.setattr(OrderAdmin, "export_columns", columns)
    settings.EXPORTAPP_SHARD_ROWS = 20
    orders(40)
    viewer = Viewer(user=clerk, language="en", time_zone="UTC")
    job, _ = lifecycle.create(Selection(source="shop.Order"), viewer, queue=False)
    assert [column["key"] for column in job.columns] == ["number", "amount"]
    return job


def withdraw(user: User) -> User:
    user.user_permissions.remove(Permission.objects.get(codename="change_order"))
    fresh: User = User.objects.get(pk=user.pk)
    return fresh


def test_a_columns_right_that_is_withdrawn_stops_the_export(asked: ExportJob, clerk: User) -> None:
    while not ExportShard.objects.filter(job=asked, status="extracted").exists():
        assert work.step(asked)
    withdraw(clerk)
    work.work(asked.pk)
    asked.refresh_from_db()
    assert (asked.status, asked.error_code) == ("failed", "not_allowed")
    assert "'amount': the permission 'shop.change_order' is missing" in asked.error
    assert ExportShard.objects.filter(job=asked, status="extracted").count() == 1


def test_a_finished_file_is_not_handed_out_without_the_right_to_its_columns(
    asked: ExportJob, clerk: User
) -> None:
    finish(asked)
    delivery.require_download(clerk, asked)
    with pytest.raises(NotAllowed, match="'amount': the permission"):
        delivery.require_download(withdraw(clerk), asked)


def test_who_never_had_the_column_keeps_the_export_without_it(
    asked: ExportJob, clerk: User
) -> None:
    viewer = Viewer(user=withdraw(clerk), language="en", time_zone="UTC")
    job, _ = lifecycle.create(Selection(source="shop.Order"), viewer, queue=False)
    (rows,) = sheets(finish(job)).values()
    assert rows[0] == ["Number"]
    delivery.require_download(viewer.user, job)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Column("tags__name", join=", "), Column("tags__name", join=" | ")),
        (Column("tags__name", join=", "), Column("tags__name", join=", ", limit=1)),
        (Column("tags__name", join=", "), Column("tags__name", join=", ", order=("-name",))),
        (Column("state"), Column("state", label=False)),
    ],
)
def test_no_file_has_cells_of_two_versions_of_the_code(
    transactional_db: None,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[..., ExportJob],
    before: Column,
    now: Column,
) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 2
    tags = [Tag.objects.create(name=name) for name in "ab"]
    for number in range(4):
        Painting.objects.create(title=f"{number}").tags.set(tags)
    monkeypatch.setattr(PaintingAdmin, "export_columns", ("title", before), raising=False)
    job = ask("gallery.Painting")
    while not ExportShard.objects.filter(job=job, status="extracted").exists():
        assert work.step(job)

    monkeypatch.setattr(PaintingAdmin, "export_columns", ("title", now))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "source_changed")


def test_titles_labels_and_moments_are_those_of_the_person(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ("title", "state", "seen_at", Column("tags__name", join=", ", limit=2))
    monkeypatch.setattr(PaintingAdmin, "export_columns", columns, raising=False)
    seen = datetime(2024, 7, 1, 22, 30, tzinfo=UTC)
    painting = Painting.objects.create(title="lamp", state="sketch", seen_at=seen)
    painting.tags.set([Tag.objects.create(name=name) for name in "abc"])
    german = Viewer(user=Operator(), language="de", time_zone="Europe/Berlin")
    job, _ = lifecycle.create(Selection(source="gallery.Painting"), german, queue=False)
    header, row = next(iter(sheets(finish(job)).values()))
    assert header[0] == "Benutzer"
    assert row == ["lamp", "Nein", datetime(2024, 7, 2, 0, 30), "a, b, …"]
    assert job.issues.filter(code="list_cut").count() == 1


@pytest.mark.django_db(transaction=True, databases=["default", "archive"])
def test_rows_of_a_second_database_are_exported_from_there() -> None:
    whole = Relic.objects.create(name="bowl", age=1)
    Relic.objects.create(name="shard", part_of=whole)
    operator = Viewer(user=Operator(), language="en", time_zone="UTC")
    columns = ("name", "age", "part_of")
    selection = Selection(source="gallery.Relic", columns=columns, order=("id",))
    job, _ = lifecycle.create(selection, operator, queue=False)
    (rows,) = sheets(finish(job)).values()
    assert rows[1:] == [["bowl", "Low", None], ["shard", None, "bowl"]]
