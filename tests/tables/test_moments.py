"""Moments of PostgreSQL's are what Django reads, however they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.pq import Format
from psycopg.types.datetime import DateLoader

from exportapp.tables.moments import TIMESTAMPTZ, _quick, read_quickly
from tests.effort import python_calls
from tests.services import ON_SQLITE

pytestmark = pytest.mark.django_db
on_postgres = pytest.mark.skipif(ON_SQLITE, reason="psycopg's loaders are PostgreSQL's")

ZONES = ("UTC", "Europe/London", "Asia/Kolkata", "America/New_York")


@pytest.fixture
def session() -> Iterator[Any]:
    """A connection of its own: what is put on it is gone with it."""
    own = connection.copy()
    yield own
    own.close()


def loaders(session: Any, zone: Any) -> tuple[Any, Any]:
    """Django's loader for a time zone, and the quick one, in this session."""
    from django.db.backends.postgresql.psycopg_any import register_tzloader

    cursor = session.cursor()
    register_tzloader(zone, cursor.cursor)
    django_s = cursor.cursor.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
    return tuple(each(TIMESTAMPTZ, session.connection) for each in (django_s, _quick(django_s)))


def told(loader: Any, text: str) -> Any:
    try:
        found = loader.load(memoryview(text.encode()))
    except Exception as error:
        return type(error), str(error)
    return found, found.tzinfo, found.fold


def test_moments_are_the_same_from_any_database() -> None:
    moments = [
        datetime(*parts, tzinfo=UTC) for parts in ((1, 1, 1), (2026, 2, 3, 4, 5, 6, 789_000))
    ]
    User.objects.bulk_create(
        User(username=str(n), date_joined=moment) for n, moment in enumerate(moments)
    )
    read_quickly(connection)
    assert list(User.objects.order_by("pk").values_list("date_joined", flat=True)) == moments


@on_postgres
@pytest.mark.parametrize("here", ZONES)
@pytest.mark.parametrize("zone", [UTC, None, ZoneInfo("Europe/London")])
def test_every_text_of_a_moment_is_read_as_django_reads_it(
    here: str, zone: Any, session: Any
) -> None:
    with session.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [here])
    django_s, quick = loaders(session, zone)

    @settings(max_examples=60, deadline=None, database=None)
    @given(moment=st.datetimes(timezones=st.just(UTC)), cut=st.integers(0, 6))
    def same(moment: datetime, cut: int) -> None:
        micros = moment.microsecond // 10**cut * 10**cut
        moment = moment.replace(microsecond=micros)
        with session.cursor() as cursor:
            cursor.execute("SELECT %s::timestamptz::text", [moment.isoformat()])
            text = cursor.fetchone()[0]
        assert told(quick, text) == told(django_s, text)

    same()


@on_postgres
@pytest.mark.parametrize(
    "text",
    [
        "0044-03-15 12:00:00+00 BC",
        "10000-01-01 00:00:00+00",
        "294276-12-31 23:59:59.999999+00",
        "infinity",
        "-infinity",
        "1890-01-01 00:00:00-00:01:15",
        "01/01/2023 06:00:00 UTC",
        "",
    ],
)
def test_what_python_has_no_moment_for_is_the_error_that_django_has(
    text: str, session: Any
) -> None:
    session.ensure_connection()
    django_s, quick = loaders(session, UTC)
    assert told(quick, text) == told(django_s, text)


@on_postgres
def test_a_connection_is_told_once_and_its_cursors_do_not_override_it(session: Any) -> None:
    read_quickly(session)
    with session.cursor() as cursor:
        loader = cursor.cursor.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
        read_quickly(session)
        assert session.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT) is loader
        assert loader.__module__ == "exportapp.tables.moments"
        cursor.execute("SELECT TIMESTAMPTZ '2026-03-29 01:30:00.25+02'")
        assert cursor.fetchone() == (datetime(2026, 3, 28, 23, 30, 0, 250_000, UTC),)
        with python_calls() as calls:
            cursor.execute("SELECT now() FROM generate_series(1, 1000)")
            cursor.fetchall()
    # Django's own makes seven for each.
    assert calls.count < 3_500, calls.count


@on_postgres
def test_a_loader_of_somebody_else_s_stays(session: Any) -> None:
    session.ensure_connection()
    session.connection.adapters.register_loader(TIMESTAMPTZ, DateLoader)
    before = session.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
    read_quickly(session)
    assert session.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT) is before
