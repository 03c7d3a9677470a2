"""Rows of the sample shop: a pure function of a seed and a row's number.

Row n is the same whatever else is there, so a seeded shop can be topped up, and two machines
seed the same shop. Nothing depends on today's date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from project.shop.countries import Country
from project.shop.models import Order
from project.shop.words import FINISHES, GOODS, NAMES, NOTES, SCRIPT_WEIGHTS

PRODUCTS: Final = 400
MAX_LINES: Final = 4
FIRST_ORDER: Final = datetime(2023, 1, 1, 6, tzinfo=UTC)
COUNTRIES: Final = tuple(Country.values)
STATUSES: Final = (
    Order.Status.NEW,
    *[Order.Status.PAID] * 3,
    Order.Status.PACKED,
    *[Order.Status.SHIPPED] * 8,
    Order.Status.RETURNED,
    Order.Status.CANCELLED,
)
"""Each as often as it is met."""

UNPAID: Final = frozenset({Order.Status.NEW, Order.Status.CANCELLED})
CURRENCIES: Final = ("EUR", "EUR", "EUR", "USD", "GBP", "CNY", "CHF")


class CustomerRow(NamedTuple):
    id: int
    name: str
    email: str
    country: str
    vip: bool
    joined: date


class ProductRow(NamedTuple):
    id: int
    sku: str
    name: str
    price: Decimal
    weight: float


class OrderRow(NamedTuple):
    id: int
    number: str
    customer_id: int
    status: str
    amount: Decimal
    currency: str
    paid_at: datetime | None
    created_at: datetime
    reference: str
    ledger_no: int
    gift: bool
    note: str | None


class LineRow(NamedTuple):
    id: int
    order_id: int
    product_id: int
    quantity: int
    unit_price: Decimal
    discount: Decimal | None


def customers_for(orders: int) -> int:
    """How many customers so many orders have between them."""
    return 50 + orders // 20


def customer(seed: int, n: int) -> CustomerRow:
    rng = _rng(seed, 1, n)
    given, family, form = rng.choices(NAMES, SCRIPT_WEIGHTS)[0]
    return CustomerRow(
        id=n,
        name=form.format(rng.choice(given), rng.choice(family)),
        email=f"customer{n}@example.com",
        country=rng.choice(COUNTRIES),
        vip=n % 17 == 0,
        joined=date(2015, 1, 1) + timedelta(days=rng.randrange(2900)),
    )


@lru_cache(maxsize=PRODUCTS)
def product(seed: int, n: int) -> ProductRow:
    rng = _rng(seed, 2, n)
    # A third of the numbers begin with zeros, a third have 18 digits, the rest have letters.
    sku = (f"{n:08d}", f"{4 * 10**17 + n * 1_000_003}", f"SKU-{n:04d}E5")[n % 3]
    return ProductRow(
        id=n,
        sku=sku,
        name=f"{rng.choice(GOODS)}, {rng.choice(FINISHES)}",
        price=_cents(rng.randrange(199, 99_999)),
        weight=rng.randrange(10, 50_000) / 1000,
    )


def order(seed: int, n: int, prices: list[Decimal]) -> tuple[OrderRow, list[LineRow]]:
    """Order n with its lines; `prices` are those of products 1, 2, …"""
    rng = _rng(seed, 3, n)
    lines = list(_lines(rng, n, prices))
    # Every tenth order arrives in the same second as the one before: ties in the sort order.
    created = FIRST_ORDER + timedelta(seconds=61 * (n - (n % 10 == 0)))
    status = rng.choice(STATUSES)
    # To the millisecond, which is what readers of a sheet keep of a moment.
    paid = created + timedelta(milliseconds=rng.randrange(500_000_000))
    digits = rng.randrange(16, 21)
    row = OrderRow(
        id=n,
        number=f"SO-{n:08d}",
        customer_id=rng.randrange(customers_for(n)) + 1,
        status=status.value,
        amount=sum((x.quantity * x.unit_price - (x.discount or 0) for x in lines), Decimal(0)),
        currency=rng.choice(CURRENCIES),
        paid_at=None if status in UNPAID else paid,
        created_at=created,
        reference=str(rng.randrange(10**digits)).zfill(digits),
        ledger_no=rng.randrange(10**16, 10**18) if n % 7 == 0 else 1_000_000 + n,
        gift=rng.randrange(12) == 0,
        note=rng.choice(NOTES) if rng.randrange(3) == 0 else None,
    )
    return row, lines


def _lines(rng: Random, order_id: int, prices: list[Decimal]) -> Iterator[LineRow]:
    for k in range(rng.choice((1, 1, 2, 2, 3, MAX_LINES))):
        product_id = rng.randrange(len(prices)) + 1
        price, quantity = prices[product_id - 1], rng.choice((1, 1, 1, 2, 3, 12))
        yield LineRow(
            # Room for MAX_LINES in every order, so that a line's number needs no counting.
            id=order_id * MAX_LINES - k,
            order_id=order_id,
            product_id=product_id,
            quantity=quantity,
            unit_price=price,
            discount=round(price / 10, 2) if rng.randrange(5) == 0 else None,
        )


def _cents(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _rng(seed: int, table: int, n: int) -> Random:
    # The same seed is to give the same shop.
    return Random((seed << 64) | (table << 56) | n)  # nosec B311
