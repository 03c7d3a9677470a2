"""What the system checks say about registered exports."""

from __future__ import annotations

import pytest
from django import forms
from django.core.checks import run_checks

from exportapp.tables import exports
from exportapp.tables.exports import Export, register
from project.shop.models import Customer, Order


class Fine(Export):
    name = "fine"
    title = "Fine"
    model = Order
    columns = ("number",)


@pytest.fixture
def found(monkeypatch):
    """Register a class made of these members, and give the ids and texts of the checks."""
    monkeypatch.setattr(exports, "_registered", [Fine()])

    def check(**members):
        register(type("Odd", (Fine,), {"name": "odd", **members}))
        ours = [m for m in run_checks() if str(m.id).startswith("exportapp.E01")]
        assert all(message.hint for message in ours)
        return {message.id.removeprefix("exportapp."): message.msg for message in ours}

    return check


@pytest.mark.parametrize(
    ("members", "number", "words"),
    [
        ({"name": "fine"}, "E013", "Fine has it already"),
        ({"name": "FINE"}, "E013", "Fine has it already"),
        ({"name": "a.b"}, "E013", "'a.b'"),
        ({"name": ""}, "E013", "no name"),
        ({"columns": ()}, "E014", "no columns"),
        ({"title": ""}, "E014", "no title"),
        ({"model": None}, "E014", "no model"),
        ({"parameters": {"a": 5}}, "E015", "'a'"),
        ({"parameters": {"a": forms.FileField()}}, "E015", "no form field that can be"),
        ({"parameters": {"a": forms.BooleanField()}}, "E015", "required=False"),
        ({"parameters": {"a b": forms.CharField()}}, "E015", "'a b'"),
        ({"parameters": {"date": forms.DateField()}}, "E015", "'date' cannot be its name"),
        ({"parameters": {"a": forms.DateField(initial="soon")}}, "E015", "'soon' is refused"),
        ({"columns": ("numbr",)}, "E016", "'numbr'"),
        ({"filename": "{since}"}, "E016", "{since}"),
        ({"get_queryset": lambda *args: []}, "E016", "no queryset of shop.Order"),
        (
            {"get_queryset": lambda *args: Order.objects.values("number")},
            "E016",
            "values() where rows",
        ),
    ],
)
def test_what_is_wrong_with_an_export_is_found_at_start_up(found, members, number, words):
    messages = found(**members)

    assert words in messages.get(number, ""), messages


def test_an_export_that_is_right_is_not_mentioned(found):
    fields = {
        "since": forms.DateField(),
        "gift": forms.BooleanField(required=False),
        "least": forms.DecimalField(initial=3),
        "customer": forms.ModelChoiceField(Customer.objects.all(), required=False),
    }

    assert found(parameters=fields, filename="{name}-{date}-{since}-{customer}") == {}


def test_of_two_with_one_name_the_first_is_offered(found):
    from exportapp.tables.sources import find_source

    found(name="fine", title="Second")

    assert find_source("fine").title == "Fine"
