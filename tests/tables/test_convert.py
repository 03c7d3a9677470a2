from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from psycopg.types.range import Range

from exportapp.tables.columns import Column
from exportapp.xlsx import Kind
from tests.gallery.models import Painting
from tests.tables.reading import cells, returned

pytestmark = pytest.mark.django_db


class Loud:
    def __str__(self):
        return "loud"


class Broken:
    def __str__(self):
        raise LookupError("no text")

    def __repr__(self):
        raise LookupError("no repr")


@pytest.mark.parametrize(
    ("value", "kind", "cell"),
    [
        (None, None, None),
        ("", None, ""),
        ("a\ud800b", None, "a\ufffdb"),
        ("\ud83d\ude00", None, "😀"),
        (mark_safe("<b>"), None, "<b>"),
        (lazystr("later"), None, "later"),
        (Loud(), None, "loud"),
        (uuid.UUID(int=1), None, str(uuid.UUID(int=1))),
        (ip_address("10.0.0.1"), None, "10.0.0.1"),
        ([1, "ä", None], None, '[1,"ä",null]'),
        ({"b": Decimal("1.50"), "a": date(2024, 1, 2)}, None, '{"b":"1.50","a":"2024-01-02"}'),
        ({2, 1}, None, "[1,2]"),
        (memoryview(b"\x01"), None, "01"),
        (2**70, Kind.INTEGER, str(2**70)),
        (Decimal("3"), Kind.INTEGER, "3"),
        ("12", Kind.INTEGER, "12"),
        (True, Kind.INTEGER, "1"),
        (True, None, "True"),
        (Range(1, 5), None, "[1, 5)"),
        ("", Kind.INTEGER, None),
        (1.1, Kind.DECIMAL, "1.1"),
        (Decimal("1E+3"), Kind.DECIMAL, "1000"),
        (Decimal("1.5"), Kind.FLOAT, 1.5),
        (1, Kind.BOOLEAN, True),
        (datetime(2024, 1, 1, 23, 30, tzinfo=UTC), Kind.DATE, date(2024, 1, 2)),
        (date(2024, 7, 1), Kind.DATETIME, datetime(2024, 6, 30, 22, tzinfo=UTC)),
        (datetime(2024, 1, 1, 12), Kind.DATETIME, datetime(2024, 1, 1, 11, tzinfo=UTC)),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), Kind.DATETIME, datetime(2024, 1, 1, 12, tzinfo=UTC)),
        # Clocks in Berlin went from 2 to 3 that night, and from 3 back to 2 the other.
        (datetime(2024, 3, 31, 2, 30), Kind.DATETIME, datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
        (datetime(2024, 10, 27, 2, 30), Kind.DATETIME, datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        (datetime(2024, 1, 1, 12, tzinfo=UTC), Kind.TIME, time(13)),
        (time(12, tzinfo=UTC), Kind.TIME, time(12)),
        (timedelta(days=-1), Kind.DURATION, timedelta(days=-1)),
    ],
)
def test_a_functions_value_becomes_its_kind(value, kind, cell, german):
    assert returned(german, value, kind) == ([cell], [])


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (1.5, Kind.INTEGER, "value_unsupported"),
        ("many", Kind.INTEGER, "value_unsupported"),
        ([], Kind.INTEGER, "value_unsupported"),
        (float("inf"), Kind.INTEGER, "value_unsupported"),
        ("x", Kind.DECIMAL, "value_unsupported"),
        (Decimal("NaN"), Kind.DECIMAL, "not_finite"),
        (float("-inf"), Kind.DECIMAL, "not_finite"),
        ("x", Kind.FLOAT, "value_unsupported"),
        ("yes", Kind.BOOLEAN, "value_unsupported"),
        ("2024-01-01", Kind.DATE, "value_unsupported"),
        (7, Kind.DATETIME, "value_unsupported"),
        (datetime.min, Kind.DATETIME, "out_of_range"),
        (datetime.max.replace(tzinfo=UTC), Kind.DATE, "out_of_range"),
        (7, Kind.TIME, "value_unsupported"),
        (7, Kind.DURATION, "value_unsupported"),
        (timedelta.max, Kind.DURATION, "out_of_range"),
        (Broken(), None, "value_unsupported"),
    ],
)
def test_a_value_without_a_place_is_blank_and_an_issue(value, kind, code, german):
    found, (issue,) = returned(german, value, kind)
    assert found == [None]
    assert (issue.code, issue.layer, issue.column) == (code, "semantic", "value")
    assert issue.key == str(Painting.objects.get().pk)
    assert issue.message and issue.value


def test_a_field_shown_as_another_kind_is_converted_for_the_viewer(german):
    Painting.objects.create(seen_at=datetime(2024, 1, 1, 23, 30, tzinfo=UTC))
    assert cells(german, Column("seen_at", kind=Kind.DATE)) == [[date(2024, 1, 2)]]
