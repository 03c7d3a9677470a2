"""Writing the seeded rows: COPY on PostgreSQL, prepared INSERTs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Max, Model

from project.shop.models import Customer, Order, OrderLine, Product
from project.shop.seeding import PRODUCTS, customer, customers_for, order, product

BLOCK = 5000
"""Orders written in one transaction: an interrupted run leaves whole orders behind."""


def seed_shop(orders: int, seed: int, report: Callable[[int], object] = lambda done: None) -> int:
    """Top the shop up to `orders` orders and return how many were added.

    A shop that has as many is left alone. `report` hears the number of orders after each block.
    """
    done = _highest(Order)
    prices = _products(seed)
    _customers(seed, customers_for(orders))
    for start in range(done + 1, orders + 1, BLOCK):
        stop = min(start + BLOCK, orders + 1)
        made = [order(seed, n, prices) for n in range(start, stop)]
        with transaction.atomic():
            _write(Order, [row for row, _ in made])
            _write(OrderLine, [line for _, lines in made for line in lines])
        report(stop - 1)
    _follow_sequences()
    return max(orders - done, 0)


def _products(seed: int) -> list[Decimal]:
    rows = [product(seed, n) for n in range(1, PRODUCTS + 1)]
    with transaction.atomic():
        _write(Product, rows[_highest(Product) :])
    return [row.price for row in rows]


def _customers(seed: int, wanted: int) -> None:
    with transaction.atomic():
        _write(Customer, [customer(seed, n) for n in range(_highest(Customer) + 1, wanted + 1)])


def _highest(model: type[Model]) -> int:
    return int(model._default_manager.aggregate(n=Max("pk"))["n"] or 0)


def _write(model: type[Model], rows: Sequence[NamedTuple]) -> None:
    if not rows:
        return
    fields = rows[0]._fields
    columns = ", ".join(map(connection.ops.quote_name, fields))
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(fields))
            # Names of our own models, quoted.
            sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # nosec
            cursor.executemany(sql, [*_adapted(rows)])


def _adapted(rows: Iterable[NamedTuple]) -> Iterator[tuple[Any, ...]]:
    # What Model.save() would send, without making a model of each of a million rows.
    to_database: dict[type, Callable[[Any], Any]] = {
        datetime: connection.ops.adapt_datetimefield_value,
        date: connection.ops.adapt_datefield_value,
        Decimal: str,
    }
    for row in rows:
        yield tuple([to_database.get(type(value), _same)(value) for value in row])


def _same(value: object) -> object:
    return value


def _follow_sequences() -> None:
    """The rows came with their keys; the next one made in the admin must not collide."""
    models = [Customer, Product, Order, OrderLine]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
