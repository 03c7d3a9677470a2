"""Which sheets, columns and orders a person asks for, and which a person may have."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from openpyxl import load_workbook

from exportapp.exceptions import NotAllowed, UnknownName
from exportapp.jobs import presets
from exportapp.jobs.delivery import deliver
from exportapp.models import ExportJob
from project.shop.models import Order, OrderLine
from tests.exports.books import BOOK, asked, book, done, failed, values
from tests.exports.conftest import seen_by
from tests.gallery import exports
from tests.gallery.exports import BookedLines, OrderBook

ALL = ("export_order", "export_orderline", "export_customer", "view_customer")
EVERYTHING = {
    "Orders": ("Number", "Status", "Created at", "Shout", "Note"),
    "Order lines": ("Order", "Product", "Unit price", "Quantity"),
    "Customers": ("Name", "Joined"),
}


def headers(job):
    return {title: rows[0] for title, rows in values(job).items()}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, EVERYTHING),
        (("status", "number"), {"Orders": ("Status", "Number")}),
        (
            ("lines.quantity", "orders.number", "lines.product", "status"),
            {"Orders": ("Number", "Status"), "Order lines": ("Quantity", "Product")},
        ),
        (("customers.name",), {"Customers": ("Name",)}),
    ],
)
def test_the_columns_named_and_their_sheets_are_what_is_exported(columns, expected):
    job = asked(book(columns=columns))

    assert headers(done(job)) == expected
    assert len(job.sheets) == len(expected)


@pytest.mark.usefixtures("shop")
def test_an_order_is_of_the_sheet_it_names_or_of_the_first():
    found = values(done(asked(book(order=("number", "-lines.quantity", "lines.order__number")))))

    orders = Order.objects.filter(created_at__year__gte=2023)
    numbers = sorted(orders.values_list("number", flat=True))
    assert [row[0] for row in found["Orders"][1:]] == numbers
    lines = OrderLine.objects.filter(order__in=orders)
    pairs = lines.order_by("-quantity", "order__number", "pk").values_list(
        "quantity", "order__number"
    )
    assert [(row[3], row[0]) for row in found["Order lines"][1:]] == list(pairs)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (book(columns=("quantity",)), ["column 'quantity'", "lines.quantity"]),
        (book(columns=("lines.quantty",)), ["'lines.quantty'. Did you mean 'lines.quantity'?"]),
        (book(columns=("line.quantity",)), ["column 'line.quantity'", "lines.quantity"]),
        (book(columns=("lines.",)), ["column 'lines.'"]),
        (book(columns=("number.lines",)), ["column 'number.lines'"]),
        (book(order=("shout",)), ["order 'shout'", "orders.number", "lines.quantity"]),
        (book(order=("-quantity",)), ["order 'quantity'"]),
        (book(order=("lines.-quantity",)), ["order 'lines.-quantity'"]),
        (book(columns=("number",), order=("lines.quantity",)), ["order 'lines.quantity'"]),
    ],
)
def test_what_is_refused_is_named_with_what_is_valid(selection, words):
    with pytest.raises(UnknownName) as refused:
        asked(selection)

    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert not ExportJob.objects.exists()


@pytest.mark.django_db
def test_equal_requests_find_one_job_and_other_sheets_make_another():
    first = asked(BOOK)

    assert asked(BOOK).pk == first.pk
    assert asked(book(columns=("number",))).pk != first.pk
    assert asked(book(order=("lines.quantity",))).pk != first.pk


@pytest.mark.usefixtures("shop")
def test_the_export_permission_of_every_model_is_asked_for(person, monkeypatch):
    assert set(ALL) <= set(Permission.objects.values_list("codename", flat=True))
    with pytest.raises(NotAllowed) as refused:
        asked(BOOK, seen_by(person("bea", "export_order")))
    assert "'shop.export_orderline, shop.export_customer' is missing" in str(refused.value)
    assert asked(BOOK, seen_by(person("cid", *ALL))).pk

    monkeypatch.setattr(OrderBook, "permission", "shop.export_order")
    assert asked(BOOK, seen_by(person("dee", "export_order"))).pk


@pytest.mark.usefixtures("shop")
def test_a_column_that_asks_for_a_permission_is_on_no_sheet_without_it(person):
    expected = EVERYTHING | {"Orders": EVERYTHING["Orders"][:-1]}
    assert headers(done(asked(BOOK, seen_by(person("bea", *ALL))))) == expected
    # Nothing is left of the third sheet without the right to see customers.
    del expected["Customers"]
    cid = seen_by(person("cid", *ALL[:-1]))
    assert headers(done(asked(BOOK, cid))) == expected
    for name in ("customers.name", "note", "orders.note"):
        with pytest.raises(UnknownName):
            asked(book(columns=(name,)), cid)
    with pytest.raises(UnknownName):
        asked(book(order=("customers.name",)), cid)


@pytest.mark.usefixtures("shop")
def test_a_person_who_may_have_no_column_is_told_so(person, monkeypatch):
    monkeypatch.setattr(OrderBook, "sheets", (exports.BookedCustomers,))

    with pytest.raises(NotAllowed, match="no column that you may have"):
        asked(BOOK, seen_by(person("bea", "export_customer")))


@pytest.mark.usefixtures("shop")
def test_a_right_to_a_column_that_goes_while_it_waits_stops_it_and_takes_the_file_away(person):
    bea = person("bea", *ALL)
    finished, waiting = done(asked(BOOK, seen_by(bea))), asked(BOOK, seen_by(bea))
    plain = done(asked(book(columns=("number",)), seen_by(bea)))
    assert deliver(finished, bea).size
    bea.user_permissions.remove(Permission.objects.get(codename="view_customer"))

    assert failed(waiting).error_code == "not_allowed"
    assert "'customers.name'" in waiting.error and "shop.view_customer" in waiting.error
    bea = type(bea).objects.get(pk=bea.pk)
    with pytest.raises(NotAllowed):
        deliver(finished, bea)
    assert deliver(plain, bea).size


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("owner", "member", "value", "words"),
    [
        (BookedLines, "columns", BookedLines.columns[1:], "gone: lines.order__number"),
        (BookedLines, "title", "Positions", "their kinds, titles, formats or order differ"),
        (BookedLines, "name", "rows", "new: rows.order__number"),
        (OrderBook, "sheets", OrderBook.sheets[:2], "gone: customers.name, customers.joined"),
        (OrderBook, "sheets", OrderBook.sheets[::-1], "order differ"),
    ],
)
def test_other_sheets_in_the_code_stop_an_export_that_waits(
    monkeypatch, owner, member, value, words
):
    job = asked(BOOK)
    monkeypatch.setattr(owner, member, value)

    assert failed(job).error_code == "source_changed"
    assert words in job.error


@pytest.mark.usefixtures("shop")
def test_a_preset_keeps_the_columns_of_all_sheets_and_leaves_out_what_is_gone(person):
    kept = book(columns=("number", "lines.quantity", "customers.name"))
    root = seen_by(person("root", is_superuser=True))
    preset = presets.save(root, "mine", kept, shared=True)
    cid = seen_by(person("cid", *ALL[:-1]))
    recipe = presets.recipe(preset, cid)

    assert recipe.dropped == ("customers.name",)
    assert headers(done(asked(recipe.selection, cid))) == {
        "Orders": ("Number",),
        "Order lines": ("Quantity",),
    }


@pytest.mark.usefixtures("shop")
def test_the_command_takes_the_names_of_sheets(tmp_path):
    path = tmp_path / "book.xlsx"
    call_command(
        "export_excel",
        "order-book",
        "--param=since=2023-01-01",
        "--columns=number,lines.quantity",
        "--order=-lines.quantity",
        output=str(path),
    )
    found = load_workbook(path)

    assert found.sheetnames == ["Orders", "Order lines"]
    quantities = [row[0] for row in found["Order lines"].iter_rows(min_row=2, values_only=True)]
    assert quantities == sorted(quantities, reverse=True) and quantities


@pytest.mark.django_db
def test_the_form_offers_the_columns_of_every_sheet(person, client):
    client.force_login(person("bea", *ALL))
    page = client.get("/admin/exportapp/exportjob/new/order-book/").content.decode()

    for name in ("orders.number", "lines.quantity", "customers.name"):
        assert f'value="{name}"' in page
    assert 'value="orders.note"' not in page
