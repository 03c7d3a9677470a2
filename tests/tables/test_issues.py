from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import OperationalError

from exportapp.exceptions import RowRefused
from exportapp.tables.arrays import column_array
from exportapp.tables.columns import Column, ColumnSpec, FieldValue
from exportapp.tables.readers import read
from exportapp.xlsx import Kind
from tests.gallery.models import Artist, Painting
from tests.tables.reading import cells, returned, specs_of, table

pytestmark = pytest.mark.django_db


def test_an_issue_keeps_the_beginning_of_a_long_value(viewer):
    _, (issue,) = returned(viewer, "x" * 10_000, Kind.INTEGER)
    assert len(issue.value) == 200


def fragile(count):
    return [Painting(title=f"No. {n}", copies=-1 if n % 3 == 1 else n) for n in range(count)]


def test_a_raising_function_is_an_issue_and_the_other_rows_stay(viewer):
    Painting.objects.bulk_create(fragile(5))
    found, issues = table(viewer, "title", "fragile")
    assert found["fragile"].to_pylist() == ["0", None, "2", "3", None]
    assert found["title"].to_pylist()[1] == "No. 1"
    assert [(issue.code, issue.message) for issue in issues] == [
        ("callable_raised", "ValueError: no copies of No. 1"),
        ("callable_raised", "ValueError: no copies of No. 4"),
    ]


def test_a_skipped_row_is_counted_and_left_out(viewer):
    Painting.objects.bulk_create(fragile(5))
    specs = specs_of(viewer, "title", "fragile", Column("fragile", title="Again"))
    rows = Painting.objects.order_by("pk")
    (chunk,) = read(rows, specs, viewer, batch_rows=10, policy="skip")
    assert chunk.batch["title"].to_pylist() == ["No. 0", "No. 2", "No. 3"]
    assert chunk.rows_read == 5
    assert [issue.column for issue in chunk.issues] == ["fragile", "fragile_2"] * 2


def test_the_policy_fail_names_row_column_and_value(viewer):
    Painting.objects.bulk_create(fragile(5))
    second = Painting.objects.order_by("pk")[1].pk
    with pytest.raises(RowRefused, match=f"Row {second}, column 'fragile': ValueError: no copies"):
        table(viewer, "fragile", policy="fail")
    Painting.objects.all().delete()
    with pytest.raises(RowRefused, match=r"It is not a number. \('x'\)"):
        returned(viewer, "x", Kind.FLOAT, policy="fail")


def test_a_related_object_without_a_text_is_an_issue(viewer, monkeypatch, paintings):
    monkeypatch.setattr(Artist, "__str__", lambda self: 1 / 0)
    _, issues = table(viewer, "artist")
    assert {issue.message for issue in issues} == {"ZeroDivisionError: division by zero"}


def test_codes_that_are_no_choice_stand_for_themselves(viewer):
    Painting.objects.create(state="lost", stars=3)
    assert cells(viewer, "state", "stars") == [["lost"], ["3"]]


def test_not_a_number_out_of_a_decimal_field_is_an_issue():
    spec = ColumnSpec(key="price", title="Price", kind=Kind.DECIMAL, getter=FieldValue("price"))
    array, problems = column_array(spec, [Decimal("1.00"), Decimal("NaN"), Decimal("-Infinity")])
    assert array.to_pylist() == ["1.00", None, None]
    assert {row: problem.code for row, problem in problems.items()} == dict.fromkeys(
        (1, 2), "not_finite"
    )


def test_a_database_that_is_away_is_not_the_rows_fault(viewer):
    def away(row):
        raise OperationalError("server closed the connection")

    Painting.objects.create()
    with pytest.raises(OperationalError):
        table(viewer, away)
