"""Parameters: what is taken, what is kept as JSON, and what a refusal says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django import forms
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from exportapp.exceptions import ParameterRefused, UnknownName
from exportapp.tables.params import fields_for, settled, values_of
from exportapp.tables.selection import Operator
from project.shop.models import Customer
from tests.exports.conftest import seen_by

CHOICES = [("Group", [("a", "Aye"), ("b", "Bee")]), ("c", "Sea")]


@pytest.mark.parametrize(
    ("field", "given", "kept", "value"),
    [
        (forms.CharField(), "lamp", "lamp", "lamp"),
        (forms.CharField(), 5, "5", "5"),
        (forms.IntegerField(), "7", 7, 7),
        (forms.DecimalField(), 1.5, "1.5", Decimal("1.5")),
        (forms.DateField(), "2026-01-31", "2026-01-31", date(2026, 1, 31)),
        (
            forms.DateTimeField(),
            "2026-01-31T18:30+02:00",
            "2026-01-31T16:30:00+00:00",
            datetime(2026, 1, 31, 16, 30, tzinfo=UTC),
        ),
        (forms.DurationField(), "1 02:00:00", "P1DT02H00M00S", timedelta(days=1, hours=2)),
        (forms.BooleanField(required=False), "no", False, False),
        (forms.BooleanField(required=False), "Yes", True, True),
        (forms.ChoiceField(choices=CHOICES), "b", "b", "b"),
        (forms.MultipleChoiceField(choices=CHOICES), ["c", "a"], ["a", "c"], ["a", "c"]),
        (forms.MultipleChoiceField(choices=CHOICES), "c", ["c"], ["c"]),
        (forms.TypedChoiceField(choices=[(1, "one")], coerce=int), "1", 1, 1),
        (forms.IntegerField(required=False), None, None, None),
    ],
)
def test_a_value_is_kept_as_json_and_read_back_as_the_field_cleans_it(field, given, kept, value):
    stored = settled({"it": field}, {"it": given})

    assert stored == {"it": kept}
    assert values_of({"it": field}, stored) == {"it": value}
    assert settled({"it": field}, stored) == stored


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        (forms.DateField(), "soon", ["'soon'", "Enter a valid date", "such as 2026-01-31"]),
        (forms.DateField(), 5, ["'it' is 5", "Enter a valid date"]),
        (forms.IntegerField(min_value=1, max_value=9), "12", ["'12'", "from 1 up to 9"]),
        (forms.BooleanField(required=False), "maybe", ["'maybe'", "true or false"]),
        (forms.ChoiceField(choices=CHOICES), "x", ["'x'", "Valid: a, b, c"]),
        (forms.MultipleChoiceField(choices=CHOICES), ["a", "x"], ["['a', 'x']", "a, b, c"]),
        (forms.CharField(), ["a"], ["['a']", "one value"]),
        (forms.CharField(), {"a": 1}, ["one value"]),
        (forms.CharField(), True, ["True", "one value"]),
        (forms.CharField(max_length=3), "lamp", ["'lamp'", "of at most 3"]),
        (forms.CharField(), None, ["None", "required"]),
    ],
)
def test_a_refusal_names_the_parameter_the_value_and_what_is_valid(field, given, words):
    with pytest.raises(ParameterRefused) as refused:
        settled({"it": field}, {"it": given})

    assert all(word in str(refused.value) for word in ["'it'", *words]), str(refused.value)


def test_all_that_is_wrong_is_said_at_once():
    fields = {"a": forms.DateField(), "b": forms.IntegerField(), "c": forms.CharField()}
    with pytest.raises(ParameterRefused) as refused:
        settled(fields, {"a": "x", "c": "fine"})

    assert refused.value.errors.keys() == {"a", "b"}
    assert "'b' is missing" in refused.value.errors["b"]


def test_an_unknown_parameter_is_named_with_those_there_are():
    with pytest.raises(UnknownName, match="Unknown parameter 'sinc'. Did you mean 'since'"):
        settled({"since": forms.DateField()}, {"sinc": "2026-01-01"})


def test_a_default_is_kept_as_if_it_had_been_said():
    day = date(2026, 2, 1)
    fields = {
        "day": forms.DateField(initial=lambda: day),
        "gift": forms.BooleanField(required=False, initial=True),
    }

    assert settled(fields, {}) == {"day": "2026-02-01", "gift": True}
    assert settled(fields, {"gift": False})["gift"] is False


def test_dates_are_read_in_every_language_as_they_are_kept():
    with timezone.override("Asia/Tokyo"):
        kept = settled({"at": forms.DateTimeField()}, {"at": "2026-01-31T09:00"})

    assert kept == {"at": "2026-01-31T00:00:00+00:00"}


@pytest.mark.django_db
def test_a_model_choice_is_narrowed_to_what_the_person_may_see():
    known = Customer.objects.create(name="Kay", email="k@x.org", country="DE", joined="2026-01-01")
    declared = {"customer": forms.ModelChoiceField(Customer.objects.all())}
    blind, clerk = User.objects.create_user("blind"), User.objects.create_user("clerk")
    clerk.user_permissions.add(Permission.objects.get(codename="view_customer"))

    for user in (clerk, Operator()):
        fields = fields_for(declared, seen_by(user))
        assert settled(fields, {"customer": known.pk}) == {"customer": known.pk}
        assert values_of(fields, {"customer": known.pk}) == {"customer": known}
    with pytest.raises(ParameterRefused, match="Valid: none"):
        settled(fields_for(declared, seen_by(blind)), {"customer": known.pk})


@pytest.mark.django_db
def test_a_choice_that_is_refused_names_the_rows_that_may_be_chosen():
    known = Customer.objects.create(name="Kay", email="k@x.org", country="DE", joined="2026-01-01")
    fields = fields_for(
        {"customer": forms.ModelChoiceField(Customer.objects.all())}, seen_by(Operator())
    )
    with pytest.raises(ParameterRefused, match=rf"Valid: {known.pk} \(Kay\)"):
        settled(fields, {"customer": 0})
