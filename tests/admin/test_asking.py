from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from exportapp.admin import ExportAdminMixin
from exportapp.models import ExportJob
from project.shop.models import Order
from tests.admin.conftest import ASK, EXPORT_ALL, JOBS, ORDERS, make_person, messages_of, page_of
from tests.clicks import click_through


def tick(orders: list[Order], **more: str) -> dict[str, object]:
    ticked = [str(order.pk) for order in orders]
    return {"action": "export_to_excel", "_selected_action": ticked, **more}


def test_ticked_rows_become_a_job_of_exactly_these_rows(
    desk: Client, clerk: User, orders: list[Order]
) -> None:
    response = click_through(desk, f"{ORDERS}?status=paid&o=-4", tick(orders[3:6]))

    job = ExportJob.objects.get()
    assert job.selection["keys"] == [str(order.pk) for order in orders[3:6]]
    assert job.selection["query"] == {"o": ["-4"]}
    assert (job.requested_by, job.source) == (clerk, "shop.Order")
    assert response.headers["Location"] == page_of(job)


def test_all_across_pages_becomes_the_lists_own_parameters_and_no_keys(
    desk: Client, orders: list[Order]
) -> None:
    filters = "?gift__exact=0&q=a&o=-4"
    click_through(desk, f"{ORDERS}{filters}", tick(orders[:2], select_across="1"))

    selection = ExportJob.objects.get().selection
    assert selection["keys"] is None
    assert selection["query"] == {"gift__exact": ["0"], "o": ["-4"], "q": ["a"]}


def test_the_button_exports_all_rows_with_the_filters_that_are_on(
    desk: Client, orders: list[Order]
) -> None:
    page = desk.get(f"{ORDERS}?gift__exact=0").content.decode()
    count = Order.objects.filter(gift=False).count()
    assert f"Export all {count} to Excel" in page
    assert f'href="{ASK}?_changelist_filters=gift__exact%3D0"' in page

    response = click_through(desk, f"{EXPORT_ALL}?gift__exact=0", follow=True)

    assert ExportJob.objects.get().selection["query"] == {"gift__exact": ["0"]}
    assert "The export has begun." in messages_of(response)


def test_asking_twice_leads_to_the_same_job(desk: Client, orders: list[Order]) -> None:
    first = click_through(desk, EXPORT_ALL)
    second = click_through(desk, EXPORT_ALL, follow=True)

    assert second.redirect_chain[-1][0] == first.headers["Location"]
    assert "You already asked for this: here it is." in messages_of(second)
    assert ExportJob.objects.count() == 1


def test_a_filter_that_the_list_does_not_take_is_said_and_makes_no_job(
    desk: Client, orders: list[Order]
) -> None:
    asking = desk.post(f"{EXPORT_ALL}?customer__email__contains=x", follow=True)
    started = click_through(desk, f"{EXPORT_ALL}?customer__email__contains=x")

    for page in (asking, started):
        assert page.status_code == 200
        assert "The filter &#x27;customer__email__contains=x&#x27;" in page.content.decode()
    assert not ExportJob.objects.exists()


def test_a_list_that_does_not_ask_starts_at_once(
    desk: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(admin.site.get_model_admin(Order)), "export_asks", False)
    page = desk.get(f"{ORDERS}?gift__exact=0").content.decode()
    assert f'action="{EXPORT_ALL}?gift__exact=0"' in page

    first = desk.post(ORDERS, tick(orders[:2]))
    second = desk.post(ORDERS, tick(orders[:2]), follow=True)
    refused = desk.post(f"{EXPORT_ALL}?customer__email__contains=x", follow=True)

    job = ExportJob.objects.get()
    assert first.headers["Location"] == page_of(job) == second.redirect_chain[-1][0]
    assert refused.redirect_chain[0][0] == ORDERS
    assert any("customer__email__contains" in text for text in messages_of(refused))


def test_without_the_permission_there_is_neither_action_nor_button(
    client: Client, orders: list[Order]
) -> None:
    client.force_login(make_person("reader", "view_order"))

    page = client.get(ORDERS).content.decode()
    refused = client.post(EXPORT_ALL)
    client.post(ORDERS, tick(orders[:1]))

    assert "to Excel" not in page
    assert refused.status_code == 403
    assert not ExportJob.objects.exists()


def test_a_link_starts_nothing(desk: Client, orders: list[Order]) -> None:
    assert desk.get(EXPORT_ALL).status_code == 405
    assert not ExportJob.objects.exists()


def test_a_post_from_another_site_is_refused(clerk: User, orders: list[Order]) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(clerk)

    assert stranger.post(EXPORT_ALL).status_code == 403
    assert not ExportJob.objects.exists()


def test_the_job_keeps_the_language_and_zone_of_the_person(
    desk: Client, orders: list[Order]
) -> None:
    click_through(desk, EXPORT_ALL, headers={"accept-language": "de"})

    job = ExportJob.objects.get()
    assert (job.language, job.time_zone) == ("de", "UTC")


def test_an_empty_list_offers_no_button(desk: Client, db: None) -> None:
    assert "to Excel" not in desk.get(ORDERS).content.decode()


def test_the_admin_index_leads_to_the_exports(desk: Client) -> None:
    assert JOBS in desk.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    ("own", "offered"),
    [(("mine",), ["mine", "export_to_excel"]), (None, None), (("export_to_excel",), None)],
)
def test_a_models_own_actions_stay_beside_the_export(
    own: tuple[str, ...] | None, offered: list[str] | None
) -> None:
    class OwnAdmin(ExportAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
        actions = own

    made = OwnAdmin(Order, admin.site).actions

    assert (list(made) if made else made) == (offered or (list(own) if own else own))


def test_the_button_is_on_a_list_that_has_its_own_template(
    desk: Client, orders: list[Order], settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "admin/shop/order").mkdir(parents=True)
    (tmp_path / "admin/shop/order/change_list.html").write_text(
        '{% extends "admin/change_list.html" %}'
        "{% block object-tools-items %}<li>our own tool</li>{{ block.super }}{% endblock %}"
    )
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [engine | {"DIRS": [tmp_path, *engine["DIRS"]]}]

    page = desk.get(ORDERS).content.decode()

    assert "our own tool" in page
    assert "Export all 30 to Excel" in page


def test_as_usual_says_what_is_usual(desk: Client, orders: list[Order], settings: Any) -> None:
    settings.EXPORTAPP_OPTIONS = {"delimiter": ";"}
    settings.EXPORTAPP_BAD_VALUES = "skip"

    page = desk.get(ASK).content.decode()

    for words in ("Excel workbook (.xlsx)", "semicolon", "leave out its row and count it"):
        assert f'<option value="" selected>as usual: {words}</option>' in page
