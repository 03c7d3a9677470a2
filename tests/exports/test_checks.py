"""What the system checks say about registered exports."""

from __future__ import annotations

import pytest
from django import forms
from django.core.checks import run_checks

from exportapp import Column
from exportapp.tables import exports
from exportapp.tables.exports import Export, Sheet, register
from project.shop.admin import OrderAdmin
from project.shop.models import Customer, Order, OrderLine


class Fine(Export):
    name = "fine"
    title = "Fine"
    model = Order
    columns = ("number",)


class Orders(Sheet):
    name = "orders"
    model = Order
    columns = ("number",)


class Lines(Sheet):
    name = "lines"
    model = OrderLine
    columns = ("quantity",)


def sheet(base=Lines, **members):
    return type("OddSheet", (base,), {"__module__": __name__, **members})


@pytest.fixture
def found(monkeypatch):
    """Register a class made of these members, and give the ids and texts of the checks."""
    monkeypatch.setattr(exports, "_registered", [Fine()])

    def check(bases=(Fine,), **members):
        register(type("Odd", bases, {"__module__": __name__, "name": "odd", **members}))
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


@pytest.mark.parametrize(
    ("members", "number", "words"),
    [
        ({"sheets": (Orders, sheet(Orders))}, "E018", "two of the name 'orders'"),
        ({"sheets": (Orders, sheet(name="ORDERS"))}, "E018", "two of the name 'ORDERS'"),
        ({"sheets": (Orders, sheet(name="or.ders"))}, "E018", "'or.ders' cannot be the name"),
        ({"sheets": (sheet(name=""),)}, "E018", "'' cannot be the name of OddSheet"),
        ({"sheets": (Orders, Order)}, "E018", "no class of a sheet"),
        ({"sheets": (Orders, Lines())}, "E018", "no class of a sheet"),
        ({"sheets": (type("Nested", (Export,), {"sheets": (Orders,)}),)}, "E018", "no class of"),
        ({"sheets": (Lines,), "columns": ("number",)}, "E018", "`columns` of its own"),
        ({"sheets": (Lines,), "model": Order}, "E018", "`model` of its own"),
        (
            {"sheets": (Lines,), "get_queryset": lambda *args: Order.objects.all()},
            "E018",
            "`get_queryset` of its own",
        ),
        ({"sheets": (Orders, sheet(columns=()))}, "E014", "OddSheet says no columns"),
        ({"sheets": (Orders, sheet(model=None))}, "E014", "OddSheet says no model"),
        ({"sheets": (Orders, Lines), "title": ""}, "E014", "Odd says no title"),
        ({"sheets": (Orders, sheet(columns=("quantty",)))}, "E016", "'quantty'"),
        (
            {"sheets": (Orders, sheet(get_queryset=lambda *args: Order.objects.all()))},
            "E016",
            "The sheet 'lines' of the export 'odd' gives no queryset of shop.OrderLine",
        ),
    ],
)
def test_what_is_wrong_with_a_sheet_is_found_at_start_up(found, members, number, words):
    messages = found(bases=(Export,), **{"title": "Odd"} | members)

    assert words in messages.get(number, ""), messages


def test_sheets_that_are_right_are_not_mentioned(found):
    assert found(bases=(Export,), title="Odd", sheets=(Orders, Lines)) == {}


@pytest.mark.parametrize(
    "permission",
    ["shop.change_order", "shop.export_order", "gallery.view_note", lambda user: False, None],
)
def test_a_permission_that_some_model_has_is_fine(found, permission):
    assert found(columns=(Column("number", permission=permission),)) == {}
    if not callable(permission):
        assert found(name="more", permission=permission) == {}


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("shop.chnge_order", "Did you mean 'shop.change_order'?"),
        ("change_order", "Did you mean 'shop.change_order'?"),
        ("gallery.view_notes", "Did you mean 'gallery.view_note'?"),
        ("shop.export_orders", "Did you mean 'shop.export_order'?"),
        ("gallery.export_tag", "which no model has"),
        ("", "which no model has"),
    ],
)
def test_a_permission_that_no_model_has_is_found_at_start_up(found, name, guess):
    column = Column("quantity", permission=name)
    messages = found(bases=(Export,), title="Odd", sheets=(Orders, sheet(columns=(column,))))

    assert f"The column 'quantity' of {__name__}.OddSheet" in messages["E017"]
    assert f"'{name}'" in messages["E017"] and guess in messages["E017"]


def test_a_permission_of_an_export_or_of_a_list_is_looked_at_too(found, monkeypatch):
    assert (
        "Odd asks for the permission 'shop.xport_order'"
        in found(permission="shop.xport_order")["E017"]
    )
    monkeypatch.setattr(exports, "_registered", [Fine()])
    monkeypatch.setattr(OrderAdmin, "export_columns", (Column("number", permission="shop.vew"),))
    assert "The column 'number' of project.shop.admin.OrderAdmin" in found()["E017"]


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
