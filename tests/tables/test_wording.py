"""What was asked for, told as the list's own page says it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from exportapp.exceptions import RequestRefused
from exportapp.jobs.words import what_is_asked
from exportapp.tables import counting
from exportapp.tables.counting import Count, count_rows
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import find_source
from project.shop.loading import seed_shop
from project.shop.models import Customer, Order


@pytest.fixture
def viewer(db: None) -> Viewer:
    seed_shop(30, seed=1)
    return Viewer(user=User.objects.create_superuser("ada"), language="en", time_zone="UTC")


def said(viewer: Viewer, label: str = "shop.Order", **asked: Any) -> str:
    source = find_source(label)
    selection = source.settled(Selection(source=label, **asked), viewer)
    return what_is_asked(source, selection, viewer, source.sheets(selection, viewer))


def parts(viewer: Viewer, **asked: Any) -> str:
    return said(viewer, **asked).partition(": ")[2]


def test_filters_search_and_order_are_said_as_the_list_says_them(viewer: Viewer) -> None:
    query = {"status__exact": ["paid"], "q": ["SO"], "o": ["-7"]}
    count = Order.objects.filter(status="paid").count()
    assert said(viewer, query=query) == (
        f"{count} orders: status is Paid, search “SO”, newest first"
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"status__exact": ["paid", "new"]}, "status is New or Paid"),
        ({"gift__exact": ["1"], "p": ["2"], "_facets": ["True"]}, "gift is Yes"),
        ({"created_at__year": ["2024"]}, "created at: 2024"),
        ({"created_at__year": ["2024"], "created_at__month": ["3"]}, "created at: March 2024"),
        ({"status__in": ["paid,new"]}, "status is Paid or New"),
        ({"note__isnull": ["True"]}, "note is empty"),
        ({"amount__gte": ["10"]}, "amount from 10"),
        ({"number__icontains": ["SO"]}, "number contains “SO”"),
        ({"o": ["4.-1"]}, "by amount, smallest first, by number, Z to A"),
        ({"o": ["x.99"]}, ""),
    ],
)
def test_each_way_to_narrow_a_list_has_its_words(
    viewer: Viewer, query: dict[str, list[str]], words: str
) -> None:
    # The list's own order is said too where no other was chosen.
    expected = words if "o" in query else f"{words}, newest first"
    assert parts(viewer, query=query) == expected


def test_ticks_and_named_orders_and_one_row(viewer: Viewer) -> None:
    key = str(Order.objects.values_list("pk", flat=True)[0])
    assert said(viewer, keys=(key,), order=("-amount", "customer")) == (
        "1 order: 1 ticked row, by amount, largest first, by customer, A to Z"
    )
    assert said(viewer) == "30 orders: newest first"


def test_it_is_said_in_the_person_s_language(viewer: Viewer) -> None:
    german = Viewer(user=viewer.user, language="de", time_zone="UTC")
    assert "Ja" in parts(german, query={"gift__exact": ["1"]})


def test_the_parameters_and_every_sheet_of_a_registered_export(viewer: Viewer) -> None:
    asked = {"since": "2020-01-31", "status": ["paid", "new"], "gift": True}
    told = said(viewer, "paid-orders", parameters=asked)
    assert told.partition(": ")[2] == "Since: Jan. 31, 2020, States: New or Paid, Gifts only: yes"
    book = said(viewer, "order-book", parameters={"since": "2020-01-31"})
    assert " orders" in book and " and " in book


def test_what_a_list_does_not_take_is_refused(viewer: Viewer) -> None:
    with pytest.raises(RequestRefused, match="nothing"):
        said(viewer, query={"nothing": ["1"]})


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count(1204), "1,204"),
        (Count(1_234_567, "about"), "about 1.2 million"),
        (Count(348_211, "about"), "about 350,000"),
        (Count(100_000, "over"), "more than 100,000"),
    ],
)
def test_a_number_says_how_sure_it_is(count: Count, words: str) -> None:
    assert count.words == words


def test_a_count_that_takes_long_gives_way_to_an_estimate(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _statement_timeout()
    assert count_rows(Customer.objects.all(), viewer).how == "exact"
    assert _statement_timeout() == before
    monkeypatch.setattr(counting, "COUNT_ROWS", 3)
    monkeypatch.setattr(counting, "COUNT_MS", 30)
    slow = Order.objects.all()
    if connection.vendor == "postgresql":
        slow = slow.extra(where=["pg_sleep(0.01) IS NOT NULL"])
    found = count_rows(slow, viewer)
    assert found.how == ("about" if connection.vendor == "postgresql" else "over")
    assert _statement_timeout() == before


def _statement_timeout() -> str:
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (found,) = cursor.fetchone()
    return str(found)
