"""Registered exports from the request to the rows, and what changes while one waits."""

from __future__ import annotations

import pytest
from django import forms
from django.contrib.auth.models import Permission
from openpyxl import load_workbook

from exportapp.exceptions import NotAllowed, ParameterRefused, RequestRefused, UnknownName
from exportapp.jobs import lifecycle
from exportapp.jobs.delivery import deliver
from exportapp.jobs.files import local_path
from exportapp.jobs.stream import stream
from exportapp.jobs.work import work
from exportapp.tables.selection import Operator, Selection
from project.shop.models import Customer, Order, Product
from tests.exports.conftest import paid, seen_by
from tests.gallery.exports import PaidOrders

OPERATOR = seen_by(Operator())


def asked(selection, viewer=OPERATOR):
    return lifecycle.create(selection, viewer, queue=False)[0]


def done(job):
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.error_code, job.error)
    return job


def failed(job):
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    return job


def rows_of(job):
    sheet = load_workbook(local_path(job.files.get().path)).worksheets[0]
    return list(sheet.iter_rows(values_only=True))


@pytest.mark.usefixtures("shop")
def test_a_job_keeps_the_name_and_json_parameters_and_holds_the_rows_they_mean():
    job = done(asked(paid("2023-01-01", status=["paid", "new"], least=20)))
    orders = Order.objects.filter(status__in=["paid", "new"], amount__gte=20).order_by("-amount")
    header, *rows = rows_of(job)

    assert job.source == "paid-orders"
    assert job.selection["parameters"] == {
        "since": "2023-01-01",
        "status": ["new", "paid"],
        "gift": False,
        "least": "20",
    }
    assert header == ("Number", "Customer", "Status", "Amount", "Label", "Shout", "Note")
    assert [row[0] for row in rows] == [order.number for order in orders]
    assert [row[4] for row in rows] == [f"{order.number}!" for order in orders]
    assert [row[5] for row in rows] == [f"{order.number}!" for order in orders]
    assert 0 < len(rows) < Order.objects.count()
    assert job.files.get().filename == "paid-orders-2023-01-01.xlsx"
    assert load_workbook(local_path(job.files.get().path)).sheetnames[0] == "Paid orders"


@pytest.mark.usefixtures("shop")
def test_defaults_are_those_of_the_moment_it_was_asked(monkeypatch):
    job = asked(paid("2020-01-01"))
    monkeypatch.setattr(PaidOrders.parameters["status"], "initial", ["new"])

    assert {row[2] for row in rows_of(done(job))[1:]} == {"Paid"}


@pytest.mark.usefixtures("shop")
def test_rows_without_an_order_come_by_their_key():
    job = done(asked(Selection(source="Price-List")))

    keys = Product.objects.order_by("pk").values_list("sku", flat=True)
    assert [row[0] for row in rows_of(job)[1:]] == list(keys)


@pytest.mark.usefixtures("shop")
def test_a_stream_holds_the_same_rows():
    pieces = b"".join(stream(paid(), OPERATOR))

    assert pieces[:2] == b"PK"
    with pytest.raises(ParameterRefused):
        stream(paid("soon"), OPERATOR)


@pytest.mark.usefixtures("shop")
def test_columns_and_order_may_be_chosen_of_those_the_export_has():
    job = done(
        asked(
            Selection(
                source="paid-orders",
                columns=("amount", "number"),
                order=("number",),
                parameters={"since": "2020-01-01"},
            )
        )
    )
    header, *rows = rows_of(job)

    assert header == ("Amount", "Number")
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("selection", "error", "words"),
    [
        (Selection(source="paid-order"), UnknownName, ["'paid-order'", "paid-orders"]),
        (Selection(source="paid-orders"), ParameterRefused, ["'since' is missing"]),
        (paid(sinc=1), UnknownName, ["parameter 'sinc'", "since"]),
        (paid(columns=("reference",)), UnknownName, ["column 'reference'", "number"]),
        (paid(columns=("delete",)), UnknownName, ["column 'delete'"]),
        (
            Selection(source="paid-orders", order=("-shout",), parameters={"since": "2020-01-01"}),
            UnknownName,
            ["order 'shout'", "amount"],
        ),
        (
            Selection(source="price-list", query={"sku": ["x"]}),
            RequestRefused,
            ["'price-list' takes no filters"],
        ),
        (Selection(source="price-list", keys=("1",)), RequestRefused, ["no ticked rows"]),
        (
            Selection(source="shop.Order", parameters={"since": "x"}),
            UnknownName,
            ["parameter 'since'"],
        ),
    ],
)
def test_what_is_refused_is_named_with_what_is_valid(selection, error, words):
    with pytest.raises(error) as refused:
        asked(selection)

    assert all(word in str(refused.value) for word in words), str(refused.value)


@pytest.mark.django_db
def test_equal_requests_find_one_job_and_other_parameters_make_another():
    first = asked(paid("2020-01-01", status=["new", "paid"]))

    assert asked(paid("2020-01-01", status=["paid", "new"], gift="no")).pk == first.pk
    assert asked(paid("2020-01-02", status=["paid", "new"])).pk != first.pk


@pytest.mark.usefixtures("shop")
def test_other_columns_in_the_code_stop_an_export_that_waits(monkeypatch):
    job = asked(paid())
    monkeypatch.setattr(PaidOrders, "columns", PaidOrders.columns[:-1])

    job = failed(job)
    assert job.error_code == "source_changed"
    assert "gone: note" in job.error


@pytest.mark.usefixtures("shop")
def test_other_parameters_in_the_code_stop_an_export_that_waits(monkeypatch):
    job = asked(paid())
    changed = {"since": forms.DateField(), "upto": forms.DateField(required=False)}
    monkeypatch.setattr(PaidOrders, "parameters", changed)

    job = failed(job)
    assert job.error_code == "source_changed"
    assert "new: upto" in job.error


@pytest.mark.usefixtures("shop")
def test_a_right_that_goes_while_it_waits_stops_it(person):
    bea = person()
    job = asked(paid(), seen_by(bea))
    bea.user_permissions.clear()

    assert failed(job).error_code == "not_allowed"


@pytest.mark.usefixtures("shop")
def test_a_right_that_goes_afterwards_takes_the_file_away(person):
    bea = person()
    job = done(asked(paid(), seen_by(bea)))
    assert deliver(job, bea).size
    bea.user_permissions.clear()

    with pytest.raises(NotAllowed, match=r"shop\.export_order"):
        deliver(job, type(bea).objects.get(pk=bea.pk))


@pytest.mark.usefixtures("shop")
def test_a_column_that_asks_for_a_permission_is_not_there_without_it(person):
    job = done(asked(paid(), seen_by(person())))

    assert "Note" not in rows_of(job)[0]
    with pytest.raises(UnknownName, match="column 'note'"):
        asked(paid(columns=("note",)), seen_by(person("cid")))


@pytest.mark.usefixtures("shop")
def test_a_choice_that_may_no_longer_be_seen_stops_the_export(person):
    bea = person("bea", "export_order", "view_customer")
    customer = Customer.objects.filter(orders__isnull=False).first()
    chosen = {"customer": str(customer.pk)}
    first = Selection(source="orders-of-customer", parameters=chosen)
    job = done(asked(first, seen_by(bea)))
    assert {row[1] for row in rows_of(job)[1:]} == {customer.name}

    waiting = asked(first, seen_by(bea))
    bea.user_permissions.remove(Permission.objects.get(codename="view_customer"))
    assert failed(waiting).error_code in {"request_refused", "parameter_refused"}
    assert "'customer'" in waiting.error


@pytest.mark.django_db
def test_a_class_may_have_a_rule_of_its_own(person):
    selection = Selection(source="price-list")

    assert asked(selection, seen_by(person("ann", "view_order"))).pk
    with pytest.raises(NotAllowed, match="bob may not export price-list"):
        asked(selection, seen_by(person("bob", "export_product")))
