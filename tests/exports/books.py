"""Asking for workbooks of several sheets, and reading them."""

from __future__ import annotations

from datetime import date

import openpyxl

from exportapp.jobs import lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.tables.selection import Operator, Selection
from project.shop.models import Customer, Order, OrderLine
from tests.exports.conftest import seen_by
from tests.oracle import comparable, sheets

OPERATOR = seen_by(Operator())


def book(since="2023-01-01", **more):
    return Selection(source="order-book", parameters={"since": str(since)}, **more)


BOOK = book()


def asked(selection, viewer=OPERATOR, **options):
    return lifecycle.create(selection, viewer, queue=False, **options)[0]


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


def worksheets(job):
    for file in job.files.order_by("number"):
        yield from openpyxl.load_workbook(local_path(file.path)).worksheets


def values(job):
    """The cells of each sheet by its title, headers included."""
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in worksheets(job)}


def styled(job):
    """The cells with their number formats."""
    return {
        sheet.title: [[(cell.value, cell.number_format) for cell in row] for row in sheet.rows]
        for sheet in worksheets(job)
    }


SINCE = date(2023, 1, 1)
HEADERS = {
    "Orders": ("Number", "Status", "Created at", "Shout", "Note"),
    "Order lines": ("Order", "Product", "Unit price", "Quantity"),
    "Customers": ("Name", "Joined"),
}


def expected():
    """The cells, worked out without any of exportapp's code."""
    orders = Order.objects.filter(created_at__date__gte=SINCE).order_by("-amount", "pk")
    lines = OrderLine.objects.filter(order__in=orders).select_related("order", "product")
    buyers = Customer.objects.filter(pk__in=orders.values("customer"))
    rows = {
        "Orders": [
            (
                order.number,
                order.get_status_display(),
                order.created_at,
                f"{order.number}!",
                order.note,
            )
            for order in orders
        ],
        "Order lines": [
            (line.order.number, line.product.name, line.unit_price, line.quantity)
            for line in lines.order_by("pk")
        ],
        "Customers": [(buyer.name, buyer.joined) for buyer in buyers.order_by("name", "pk")],
    }
    return {
        title: [HEADERS[title], *([comparable(value) for value in row] for row in found)]
        for title, found in rows.items()
    }


def found_in(job):
    """What a foreign reader sees on the sheets of all files."""
    found = {}
    for file in job.files.order_by("number"):
        found |= sheets(local_path(file.path))
    return {title: [tuple(rows[0]), *rows[1:]] for title, rows in found.items()}
