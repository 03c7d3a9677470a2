from __future__ import annotations

import unicodedata
from collections import Counter
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from project.shop.loading import seed_shop
from project.shop.models import Customer, Order, OrderLine, Product
from project.shop.seeding import MAX_LINES, PRODUCTS, customer, order, product

PRICES = [product(1, n).price for n in range(1, PRODUCTS + 1)]


@pytest.fixture(scope="module")
def orders():
    return [order(1, n, PRICES) for n in range(1, 3001)]


def test_the_same_seed_makes_the_same_order_and_another_seed_another() -> None:
    assert order(1, 42, PRICES) == order(1, 42, PRICES)
    assert order(1, 42, PRICES) != order(2, 42, PRICES)


@pytest.mark.django_db
def test_a_shop_topped_up_is_the_same_as_one_seeded_at_once(orders) -> None:
    assert seed_shop(40, seed=1) == 40
    assert seed_shop(120, seed=1) == 80

    rows = Order.objects.order_by("id").values_list(*orders[0][0]._fields)
    lines = OrderLine.objects.order_by("id").values_list(*orders[0][1][0]._fields)
    assert list(rows) == [tuple(row) for row, _ in orders[:120]]
    assert list(lines) == sorted(tuple(line) for _, made in orders[:120] for line in made)


@pytest.mark.django_db
def test_seeding_again_adds_nothing() -> None:
    out = StringIO()
    call_command("seed_shop", orders=30, stdout=out)
    before = [model.objects.count() for model in (Customer, Product, Order, OrderLine)]
    call_command("seed_shop", orders=30, stdout=out)

    assert [model.objects.count() for model in (Customer, Product, Order, OrderLine)] == before
    assert "0 orders added" in out.getvalue()


@pytest.mark.django_db
def test_an_order_made_by_hand_after_seeding_gets_a_key_of_its_own() -> None:
    seed_shop(10, seed=1)
    last = Order.objects.order_by("-id").first()
    assert last is not None
    last.pk, last.number = None, "by hand"
    last.save()

    assert Order.objects.count() == 11


def test_amounts_are_the_sum_of_their_lines(orders) -> None:
    for row, lines in orders:
        assert 1 <= len(lines) <= MAX_LINES
        assert row.amount == sum(
            line.quantity * line.unit_price - (line.discount or Decimal(0)) for line in lines
        )


def test_notes_have_what_breaks_exports(orders) -> None:
    notes = [row.note for row, _ in orders]
    text = "".join(note or "" for note in notes)

    assert None in notes
    assert "" in notes
    assert {"=", "+", "-", "@", " "} <= {note[0] for note in notes if note}
    assert set("&<>\"'\n\r\t") <= set(text) | {"'"}
    assert {"CJK", "HIRAGANA", "HANGUL", "ARABIC", "HEBREW"} <= scripts(text)
    assert any(unicodedata.combining(char) for char in text)
    assert any(ord(char) > 0xFFFF for char in text)


def test_names_come_in_many_scripts() -> None:
    names = "".join(customer(1, n).name for n in range(1, 2000))

    assert {"LATIN", "CJK", "HANGUL", "ARABIC", "HEBREW", "CYRILLIC"} <= scripts(names)
    assert any(unicodedata.combining(char) for char in names)
    assert "&" in names


def test_ids_are_longer_than_a_spreadsheet_number_holds(orders) -> None:
    references = [row.reference for row, _ in orders]

    assert {len(reference) for reference in references} == set(range(16, 21))
    assert any(reference.startswith("0") for reference in references)
    assert max(row.ledger_no for row, _ in orders) > 10**17
    assert min(row.ledger_no for row, _ in orders) < 10**8
    assert any(product(1, n).sku.startswith("0000") for n in range(1, 9))


def test_orders_share_seconds_and_some_are_unpaid(orders) -> None:
    times = Counter(row.created_at for row, _ in orders)

    assert max(times.values()) == 2
    assert 0.05 < sum(row.paid_at is None for row, _ in orders) / len(orders) < 0.3
    assert {row.status for row, _ in orders} == set(Order.Status.values)
    assert {row.gift for row, _ in orders} == {True, False}
    assert {line.discount is None for _, lines in orders for line in lines} == {True, False}


@pytest.mark.django_db
def test_the_migrations_know_every_field() -> None:
    call_command("makemigrations", "shop", check=True, dry_run=True, verbosity=0)


def scripts(text: str) -> set[str]:
    """The first word of each letter's Unicode name."""
    return {unicodedata.name(char, "?").split()[0] for char in set(text) if char.isalpha()}
