"""Being told on the next page of the admin, on whichever site and in however many tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import clear_url_caches, include, path, set_urlconf
from django.utils import timezone

from exportapp.admin import ExportAdminMixin, ExportJobAdmin, notices
from exportapp.admin.noticefield import notice_field
from exportapp.jobs import lifecycle, transitions
from exportapp.jobs.notices import sending
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.admin.conftest import JOBS, ORDERS, messages_of, page_of

Finish = Callable[[ExportJob], ExportJob]

READY = '<a href="{}">Orders</a> is ready.'


@pytest.fixture
def done(asked: ExportJob, finish: Finish, desk: Client) -> ExportJob:
    # The page that says that it has begun.
    desk.get(page_of(asked))
    return finish(asked)


def of_notices(context: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in context if "exportapp_exportnotice" in query["sql"]]


def test_the_next_page_of_the_admin_says_it_once(done: ExportJob, desk: Client) -> None:
    shown = desk.get(ORDERS)

    assert messages_of(shown) == [f"Your export of {READY.format(page_of(done))}"]
    assert READY.format(page_of(done)).encode() in shown.content
    assert messages_of(desk.get(ORDERS)) == []
    assert ExportNotice.objects.get().sent_at


@pytest.mark.parametrize(
    ("outcome", "said"), [("failed", "Orders</a> failed."), ("cancelled", "cancelled by root.")]
)
def test_what_did_not_end_well_is_said_as_well(
    asked: ExportJob, desk: Client, outcome: str, said: str
) -> None:
    desk.get(JOBS)
    if outcome == "failed":
        transitions.try_move(asked, JobState.EXTRACTING)
        transitions.fail(asked, "poison", "broken")
    else:
        boss = Client()
        boss.force_login(User.objects.create_superuser("root"))
        boss.post(page_of(asked).replace("change/", "do/cancel/"))

    (message,) = messages_of(desk.get(ORDERS))
    assert message.endswith(said)


def plan_among_many_sent(sql: str, job: ExportJob) -> str:
    """How PostgreSQL would answer if the person of this export had had a thousand notices."""
    with transaction.atomic(), connection.cursor() as cursor:
        sent = {"channel": "message", "recipient": job.requested_by, "sent_at": timezone.now()}
        ExportNotice.objects.bulk_create(ExportNotice(job=job, **sent) for _ in range(1000))
        cursor.execute(f"ANALYZE {ExportNotice._meta.db_table}")
        cursor.execute(f"EXPLAIN {sql}")
        plan = str(cursor.fetchall())
        transaction.set_rollback(True)
    return plan


def test_a_page_costs_one_query_and_what_is_no_page_none(
    desk: Client, orders: list[Order], asked: ExportJob, finish: Finish
) -> None:
    used: list[str] = []
    for address, headers, queries in (
        (ORDERS, {}, 1),
        (ORDERS, {"Accept": "text/html,*/*"}, 1),
        (ORDERS, {"Accept": "*/*"}, 0),
        (page_of(asked).replace("change/", "part/job/"), {}, 0),
        (ORDERS, {"HX-Request": "true"}, 0),
        ("/admin/jsi18n/", {}, 0),
        ("/healthz", {}, 0),
    ):
        with CaptureQueriesContext(connection) as captured:
            desk.get(address, headers=headers)
        assert len(of_notices(captured)) == queries, address
        used = of_notices(captured) or used
    if connection.vendor == "postgresql":
        assert "exportapp_messages" in plan_among_many_sent(used[0], asked)
    finish(asked)
    Client().get(ORDERS)
    desk.get(ORDERS, headers={"Accept": "*/*"})
    assert not ExportNotice.objects.exclude(sent_at=None).exists()


def test_it_is_said_under_asgi_too(done: ExportJob, clerk: User) -> None:
    desk = AsyncClient()
    desk.force_login(clerk)

    shown = async_to_sync(desk.get)(ORDERS)
    assert READY.format(page_of(done)).encode() in shown.content
    assert ExportNotice.objects.get().sent_at


def test_nobody_elses_notice_is_shown(done: ExportJob) -> None:
    other = Client()
    other.force_login(User.objects.create_superuser("root"))

    assert messages_of(other.get(ORDERS)) == []
    assert ExportNotice.objects.open().exists()


def page(user: User, answer: HttpResponse) -> HttpRequest:
    """A page that is being made, with the notices that it takes."""
    request = RequestFactory().get(ORDERS)
    request.user = user
    request.resolver_match = RESOLVED
    request.session = {}
    request._messages = messages.storage.default_storage(request)
    made = notices.NoticeMiddleware(lambda _: answer)
    made.process_view(request, lambda: None, (), {})
    made.process_response(request, answer)
    return request


class RESOLVED:
    app_names, namespace, url_name = ("admin",), "admin", "shop_order_changelist"


def test_two_tabs_at_once_show_it_once_and_a_page_that_fails_shows_nothing(
    done: ExportJob, clerk: User
) -> None:
    failed = page(clerk, HttpResponse(status=500))
    at_once = page(clerk, HttpResponse())
    assert [len(request.exportapp_notices) for request in (failed, at_once)] == [1, 0]

    # Nobody says that the first was shown: some time later it comes again.
    ExportNotice.objects.update(not_before=done.created_at)
    assert len(page(clerk, HttpResponse()).exportapp_notices) == 1
    assert ExportNotice.objects.get().sent_at


def test_a_database_without_the_table_makes_pages_all_the_same(
    desk: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(user: Any) -> None:
        raise DatabaseError("no such table: exportapp_exportnotice")

    monkeypatch.setattr(notices, "take_messages", missing)

    assert desk.get(ORDERS).status_code == 200


def test_the_boxes_of_a_form_have_what_reaches_the_person(clerk: User, settings: Any) -> None:
    settings.EXPORTAPP_SITE_URL = "https://shop.example"
    settings.EXPORTAPP_WEBHOOKS = {"erp": {"label": "The ERP"}}
    field = notice_field(clerk)
    assert field.choices == [("message", "A message in the admin"), ("erp", "The ERP")]
    assert field.initial == ["message"]
    clerk.email = "clerk@shop.example"

    assert ("email", "An e-mail") in notice_field(clerk).choices
    assert notice_field(clerk).clean(["erp", "email"]) == ["erp", "email"]


class BackOfficeOrders(ExportAdminMixin, admin.ModelAdmin):
    list_display = ("number",)


urlpatterns: list[Any] = []


@pytest.fixture
def back_office(settings: Any) -> Iterator[admin.AdminSite]:
    """A second site beside the first, with exports of its own."""
    site = admin.AdminSite(name="backoffice")
    site.register(Order, BackOfficeOrders)
    site.register(ExportJob, ExportJobAdmin)
    urlpatterns[:] = [path("office/", site.urls), path("", include("project.urls"))]
    settings.ROOT_URLCONF = __name__
    clear_url_caches()
    yield site
    admin.sites.all_sites.discard(site)
    urlpatterns[:] = []
    set_urlconf(None)
    clear_url_caches()


@pytest.mark.django_db(transaction=True)
def test_a_second_site_has_its_own_pages_and_links_lead_to_them(
    back_office: admin.AdminSite, orders: list[Order], settings: Any, finish: Finish
) -> None:
    settings.EXPORTAPP_SITE_URL = "https://shop.example"
    settings.EXPORTAPP_NOTIFY = ("message", "email")
    desk, root = Client(), User.objects.create_superuser("root", "root@shop.example")
    desk.force_login(root)
    assert b"/office/exportapp/exportjob/new/shop.Order/" in desk.get("/office/shop/order/").content
    wanted = Selection(source="shop.Order", site="backoffice")
    job = finish(lifecycle.create(wanted, Viewer.now(root), queue=False)[0])
    own = f"/office/exportapp/exportjob/{job.pk}/change/"
    assert f'href="{own}"' in messages_of(desk.get("/office/"))[-1]
    assert desk.get(own).status_code == 200
    sending.tell()

    assert f"https://shop.example{own}" in mail.outbox[0].body
    assert b"/admin/exportapp" not in desk.get("/office/exportapp/exportjob/").content

    # Without pages of its own a link leads to the site that has them.
    back_office.unregister(ExportJob)
    clear_url_caches()
    urlpatterns[0] = path("office/", back_office.urls)
    again = ExportNotice.objects.get(channel="email")
    again.sent_at, again.attempts = None, 0
    again.save()
    ExportNotice.objects.update(not_before=job.created_at)
    sending.tell()
    assert f"https://shop.example{page_of(job)}" in mail.outbox[1].body
