"""The page that asks: what it says, what it sends, and what it does without scripts."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any

import openpyxl
from django.test import Client

from exportapp.jobs.files import local_path
from exportapp.models import ExportJob, ExportPreset
from project.shop.models import Order
from tests.admin.conftest import ASK, ORDERS, make_person

PAID = f"{ASK}?_changelist_filters=status__exact%3Dpaid"
OWN = ["number", "customer", "status", "amount", "currency", "paid_at"]


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def order_of(response: Any) -> list[str]:
    return [row.name for _, rows in response.context["form"].columns.groups() for row in rows]


def sent(*names: str, **titles: str) -> dict[str, Any]:
    """The fields as the page sends them: texts of all columns, boxes of those that are ticked."""
    return {f"title-{name}": titles.get(name, "") for name in names} | {"columns": list(names)}


def test_it_says_in_words_what_will_be_exported(desk: Client, orders: list[Order]) -> None:
    page = text_of(desk.get(PAID))
    count = Order.objects.filter(status="paid").count()

    assert f"{count} orders: status is Paid, newest first" in page
    assert f'href="{ORDERS}?status__exact=paid"' in page
    assert not ExportJob.objects.exists()


def test_every_column_is_there_with_its_title_and_the_list_s_own_are_ticked(
    desk: Client, orders: list[Order]
) -> None:
    response = desk.get(ASK)
    form = response.context["form"]

    assert order_of(response)[:6] == OWN
    ((_, rows),) = form.columns.groups()
    ticked = {row.name: row.title for row in rows if row.ticked}
    assert ticked["created_at"] == "Created at"
    assert "id" in order_of(response) and "id" not in ticked


def test_what_is_chosen_is_what_the_file_holds(
    desk: Client, orders: list[Order], finish: Callable[[ExportJob], ExportJob]
) -> None:
    form = sent("status", "number", status=" State ", number="Number")
    chosen = form | {"codes": "on", "filename": "paid ones.xlsx", "policy": "skip"}
    desk.post(PAID, chosen | {"_changelist_filters": "status__exact=paid", "title-note": "x"})

    job = finish(ExportJob.objects.get())
    # A column's own title is no new one, and one of a column that is not ticked is none.
    assert job.selection["titles"] == {"status": "State"}
    assert (job.filename, job.policy) == ("paid ones.xlsx", "skip")
    rows = list(openpyxl.load_workbook(local_path(job.files.get().path)).active.values)
    assert rows[0] == ("State", "Number")
    assert {row[0] for row in rows[1:]} == {"paid"}


def test_the_list_s_own_columns_ticked_as_they_are_ask_for_no_columns(
    desk: Client, orders: list[Order]
) -> None:
    page = desk.get(ASK)
    ((_, rows),) = page.context["form"].columns.groups()
    desk.post(ASK, sent() | {f"title-{row.name}": row.title for row in rows} | _ticked(rows))

    selection = ExportJob.objects.get().selection
    assert selection["columns"] is None
    assert "titles" not in selection and "codes" not in selection


def _ticked(rows: Any) -> dict[str, Any]:
    return {"columns": [row.name for row in rows if row.ticked]}


def test_ticks_go_in_the_address_while_it_is_short(desk: Client, orders: list[Order]) -> None:
    keys = [str(order.pk) for order in orders[:3]]
    form = {"action": "export_to_excel", "_selected_action": keys}
    response = desk.post(f"{ORDERS}?o=-4&status__exact=paid", form, follow=True)

    assert "3 orders: 3 ticked rows, by amount, Z to A" not in text_of(response)
    assert "3 orders: 3 ticked rows, by amount, largest first" in text_of(response)
    ((address, status),) = response.redirect_chain
    assert status == 302
    assert desk.get(address).context["form"].carried.keys == tuple(keys)


def test_without_scripts_columns_move_and_are_ticked_by_buttons(
    desk: Client, orders: list[Order]
) -> None:
    form = sent("number", "status", "amount", status="State")
    up = desk.post(PAID, form | {"move": "up:amount"})
    assert order_of(up)[:3] == ["number", "amount", "status"]
    assert 'value="up:amount" autofocus' in text_of(up)
    down = desk.post(PAID, form | {"move": "down:number", "columns": ["number"]})
    assert order_of(down)[:3] == ["status", "number", "amount"]
    assert down.context["form"].columns.ticked == {"number"}
    assert 'value="State"' in text_of(down)
    assert order_of(desk.post(PAID, form | {"move": "up:number"}))[:2] == ["number", "status"]

    every = desk.post(PAID, form | {"tick": "all"}).context["form"].columns
    none = desk.post(PAID, form | {"tick": "none"}).context["form"].columns
    assert every.ticked == set(every.names) and not none.ticked
    # The rows stay those of the list.
    assert "status is Paid" in text_of(down)
    assert not ExportJob.objects.exists()


def test_the_preview_shows_titles_and_codes_in_the_page_or_as_a_part(
    desk: Client, orders: list[Order]
) -> None:
    form = sent("status", status="State") | {"codes": "on", "preview": "1"}
    whole = text_of(desk.post(PAID, form))
    part = text_of(desk.post(PAID, form, headers={"hx-request": "true"}))

    for page in (whole, part):
        assert '<th scope="col">State</th>' in page
        assert "<td>paid</td>" in page
    assert "</form>" in whole and "</form>" not in part
    wrong = form | {"title-status": "x" * 256}
    assert "256 characters" in text_of(desk.post(PAID, wrong, headers={"hx-request": "true"}))
    assert not ExportJob.objects.exists()


def test_a_preset_of_titles_order_and_codes_is_kept_and_used_for_other_rows(
    desk: Client, orders: list[Order]
) -> None:
    form = sent("status", "number", status="State") | {"codes": "on", "filename": "bank"}
    keys = json.dumps([str(orders[0].pk)])
    ticked = {"_changelist_filters": "", "keys": keys, "preset_name": "bank", "save": "1"}
    saved = desk.post(ASK, form | ticked)
    preset = ExportPreset.objects.get()
    assert preset.selection["titles"] == {"status": "State"}
    assert preset.selection["keys"] is None
    # The ticks are not lost on the way.
    assert desk.get(saved.url).context["form"].carried.keys == (str(orders[0].pk),)

    page = desk.post(PAID, sent("amount") | {"use": "1", "use_preset": str(preset.pk)})
    assert order_of(page)[:2] == ["status", "number"]
    shown = text_of(page)
    assert 'value="State"' in shown and 'value="bank"' in shown
    assert "status is Paid" in shown
    # What is selected beside it and not used says nothing.
    desk.post(PAID, sent("amount") | {"use_preset": str(preset.pk)})
    assert ExportJob.objects.get().selection["columns"] == ["amount"]


def test_who_is_told_is_asked_too(desk: Client, orders: list[Order]) -> None:
    assert 'name="notify" value="message"' in text_of(desk.get(PAID))
    desk.post(PAID, sent("number") | {"notify": ["message"]})
    desk.post(PAID, sent("status"))

    notified = {job.columns[0]["key"]: job.notify for job in ExportJob.objects.all()}
    assert notified == {"number": ["message"], "status": []}


def test_a_double_click_makes_one_job_and_going_back_keeps_the_form(
    desk: Client, orders: list[Order]
) -> None:
    form = sent("number", number="No.")
    first, second = desk.post(PAID, form), desk.post(PAID, form)
    assert first.headers["Location"] == second.headers["Location"]
    assert ExportJob.objects.count() == 1
    # A browser throws away what "no-store" is said of.
    assert desk.get(PAID).headers["Cache-Control"] == "private, no-cache"


def test_an_export_of_several_sheets_groups_its_columns(client: Client, orders: Any) -> None:
    client.force_login(make_person("root", is_superuser=True))
    page = "/admin/exportapp/exportjob/new/order-book/"
    groups = client.get(page).context["form"].columns.groups()
    assert [title for title, _ in groups] == ["Orders", "Order lines", "Customers"]

    form = sent("orders.number", "orders.status", "lines.quantity") | {"p-since": "2020-01-01"}
    moved = client.post(page, form | {"move": "down:orders.status"})
    assert order_of(moved)[:3] == ["orders.number", "orders.created_at", "orders.status"]
    client.post(page, form | {"title-lines.quantity": "How many"})
    job = ExportJob.objects.get()
    assert job.selection["titles"] == {"lines.quantity": "How many"}
    assert [column["title"] for column in job.columns] == ["Number", "Status", "How many"]
