"""What a file of the shop's orders must hold, worked out without any of exportapp's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from python_calamine import CalamineWorkbook

from project.shop.models import Order

TITLES = [
    "Number",
    "Customer",
    "Status",
    "Amount",
    "Currency",
    "Paid at",
    "Created at",
    "Payment reference",
    "Ledger number",
    "Gift",
    "Note",
]

Row = list[Any]


def order_rows(orders: Iterable[Order] | None = None) -> list[Row]:
    """The cells of each order, in the order of the admin's list unless `orders` says another."""
    found = Order.objects.select_related("customer") if orders is None else orders
    rows = [
        [
            order.number,
            order.customer.name,
            order.get_status_display(),
            order.amount,
            order.currency,
            order.paid_at,
            order.created_at,
            order.reference,
            order.ledger_no,
            order.gift,
            order.note,
        ]
        for order in found
    ]
    # One ledger number that a spreadsheet cannot hold makes the column text.
    if any(len(str(row[8])) > 15 for row in rows):
        for row in rows:
            row[8] = str(row[8])
    return [[comparable(value) for value in row] for row in rows]


def sheets(path: Path | str) -> dict[str, list[Row]]:
    """Every sheet of a workbook as a foreign reader sees it, header rows included."""
    book = CalamineWorkbook.from_path(str(path))
    return {
        name: [
            [comparable(value) for value in row] for row in book.get_sheet_by_name(name).to_python()
        ]
        for name in book.sheet_names
    }


def data_rows(path: Path | str) -> list[Row]:
    """The data rows of all sheets, one after the other; notes on issues are none."""
    found = sheets(path)
    found.pop("Notes", None)
    return [row for rows in found.values() for row in rows[1:]]


def compare(found: Iterable[Row], expected: Iterable[Row]) -> tuple[list[str], list[str]]:
    """The numbers of orders that are lost, and those that are there more often than once."""
    there, wanted = Counter(row[0] for row in found), Counter(row[0] for row in expected)
    return sorted((wanted - there).elements()), sorted((there - wanted).elements())


def comparable(value: Any) -> Any:
    """Numbers as float, moments without a zone and to the millisecond, nothing as None."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        naive += timedelta(microseconds=500)
        return naive.replace(microsecond=naive.microsecond // 1000 * 1000)
    return value or None


def sheet_parts(path: Path | str) -> dict[str, bytes]:
    """The XML of the sheets, which must not depend on who made them."""
    with ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return {name: archive.read(name) for name in names}
