"""What is asked for: equal requests make one export, wrong ones none, of the list's own rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import django_rq
import pytest
from django.contrib.auth.models import User
from django.db import connection

from exportapp.exceptions import (
    NotAllowed,
    RequestRefused,
    UnknownName,
)
from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.jobs.test_lifecycle import view
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def queued() -> list[str]:
    return [args[0] for args in (job.args for job in django_rq.get_queue("exports").jobs)]


def test_an_equal_request_finds_the_job_it_made(clerk: User) -> None:
    selection = Selection(source="shop.Order", query={"status": ["paid"]})
    job, new = lifecycle.create(selection, view(clerk))
    again, new_again = lifecycle.create(selection, view(clerk))
    other, _ = lifecycle.create(replace(selection, query={}), view(clerk))
    assert (new, new_again, again.pk) == (True, False, job.pk)
    assert other.pk != job.pk
    assert queued() == [str(job.pk), str(other.pk)]


def test_a_finished_job_is_asked_for_anew_unless_the_caller_s_own_key_says_the_same(
    orders: Orders, clerk: User
) -> None:
    orders(5)
    selection = Selection(source="shop.Order")
    job, _ = lifecycle.create(selection, view(clerk))
    keyed, _ = lifecycle.create(selection, view(clerk), request_key="mine")
    finish(job)
    finish(keyed)
    assert lifecycle.create(selection, view(clerk))[0].pk not in (job.pk, keyed.pk)
    assert lifecycle.create(selection, view(clerk), request_key="mine")[0].pk == keyed.pk


def test_an_equal_request_finds_the_job_that_was_made_with_a_key(
    clerk: User, operator: Viewer
) -> None:
    selection = Selection(source="shop.Order", query={"status": ["paid"]}, keys=("2", "1"))
    asked = {"policy": "skip", "options": {"format": "csv", "delimiter": ";"}}
    keyed, _ = lifecycle.create(selection, view(clerk), request_key="mine", **asked)
    equal = replace(selection, source="shop.order", keys=("1", "2", "1"))
    assert lifecycle.create(equal, view(clerk), **asked) == (keyed, False)
    for others, viewer, more in (
        (replace(selection, query={}), view(clerk), asked),
        (selection, view(clerk), asked | {"policy": "fail"}),
        (selection, view(clerk), asked | {"options": {"format": "csv"}}),
        (selection, replace(view(clerk), language="de"), asked),
        (selection, operator, asked),
    ):
        assert lifecycle.create(others, viewer, **more)[1]
    lifecycle.cancel(keyed)
    assert lifecycle.create(selection, view(clerk), **asked)[1], "it is given up"


def test_two_clicks_at_the_same_moment_make_one_job(clerk: User) -> None:
    if connection.vendor == "sqlite":
        connection.close()
    barrier, made = threading.Barrier(4), []

    def click() -> None:
        barrier.wait()
        made.append(lifecycle.create(Selection(source="shop.Order"), view(clerk)))
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.pk for job, _ in made}) == 1
    assert [new for _, new in made].count(True) == 1
    assert ExportJob.objects.count() == 1


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        (Selection(source="shop.Oder"), UnknownName, "Did you mean 'shop.Order'"),
        (Selection(source="shop.Order", columns=("nmber",)), UnknownName, "'number'"),
        (
            Selection(source="shop.Order", order=("-creatd_at",)),
            UnknownName,
            "created_at",
        ),
        (
            Selection(source="shop.Order", query={"statu": ["x"]}),
            RequestRefused,
            "statu",
        ),
        (
            Selection(source="shop.Order", query={"gift__exact": ["x"]}),
            RequestRefused,
            "gift",
        ),
        (Selection(source="shop.Order", keys=("x",)), RequestRefused, "'x'"),
    ],
)
def test_a_wrong_request_is_refused_at_the_door(
    operator: Viewer,
    db: None,
    selection: Selection,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        lifecycle.create(selection, operator)
    assert not ExportJob.objects.exists()


def test_without_the_right_nothing_is_created(clerk: User) -> None:
    with pytest.raises(NotAllowed, match=r"shop\.export_customer"):
        lifecycle.create(Selection(source="shop.Customer"), view(clerk))
    root = User.objects.create_superuser("root")
    with pytest.raises(UnknownName, match=r"'auth\.User'.*Valid: shop\.Customer") as refused:
        lifecycle.create(Selection(source="auth.User"), view(root))
    assert all(label.startswith("shop.") for label in refused.value.valid if "gallery" not in label)
    with pytest.raises(UnknownName) as seen:
        lifecycle.create(Selection(source="auth.User"), view(clerk))
    assert seen.value.valid == ("shop.Order",), "names of other models are nobody's business"
    assert not ExportJob.objects.exists()


def test_ticked_rows_and_only_those_in_the_list_s_order(ask: Ask, orders: Orders) -> None:
    orders(50)
    ticked = list(Order.objects.order_by("?")[:20])
    job = ask(keys=tuple(str(order.pk) for order in ticked))
    expected = order_rows(Order.objects.filter(pk__in=[order.pk for order in ticked]))
    assert data_rows(finish(job)) == expected


def test_filters_search_and_order_are_the_list_s(ask: Ask, orders: Orders) -> None:
    orders(400)
    job = ask(
        query={"status__exact": ["paid"], "q": ["SO-0000"]},
        order=("amount",),
        columns=("number",),
    )
    found = Order.objects.filter(status="paid", number__contains="SO-0000").order_by("amount", "pk")
    assert data_rows(finish(job)) == [[order.number] for order in found]
