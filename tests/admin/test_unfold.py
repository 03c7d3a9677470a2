"""The exports in another look: django-unfold, with an admin site and templates of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.house import ROOT, House
from tests.test_docs import blocks

SETTINGS = """
from project.settings import *
INSTALLED_APPS = ["unfold", *INSTALLED_APPS, "django.contrib.sites"]
SITE_ID = 1
ALLOWED_HOSTS = ["localhost"]
from django.templatetags.static import static
"""
SCRIPT = """
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from project.shop.models import Order
from exportapp.jobs import lifecycle
from exportapp.jobs.work import work
from exportapp.tables.selection import Selection, Viewer

admin.site.unregister(Order)
{admin}
from unfold.sites import UnfoldAdminSite
assert isinstance(admin.site, UnfoldAdminSite)

root = User.objects.create_superuser("root")
desk = Client(SERVER_NAME="localhost")
desk.force_login(root)

def page(address):
    answer = desk.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    text = answer.content.decode()
    assert "unfold/css/styles.css" in text and "exportapp/unfold.css" in text, address
    return text

orders = page("/admin/shop/order/")
assert 'value="export_to_excel"' in orders, "the action"
asking = reverse("admin:exportapp_exportjob_ask", args=["shop.Order"])
assert 'class="export-all"' in orders and asking in orders, "the button"
assert "exportapp/ticks.js" in orders
page(reverse("admin:exportapp_exportjob_new"))
page(reverse("admin:exportapp_exportjob_operations"))
page(asking)
wanted = Selection(source="shop.Order")
job, _ = lifecycle.create(wanted, Viewer.now(root), queue=False)
own = reverse("admin:exportapp_exportjob_change", args=[job.pk])
begun = page(own)
assert "hx-get" in begun and "htmx" in begun and "app-exportapp" in begun, "live"
assert "pause" in begun, "buttons"
work(job.pk)
exports = page("/admin/exportapp/exportjob/")
assert f'<a href="{{own}}">Orders</a> is ready' in exports, "the message"
assert own in exports
assert reverse("admin:exportapp_exportjob_download_all", args=[job.pk]) in page(own)
answer = desk.get(reverse("admin:exportapp_exportjob_download_all", args=[job.pk]))
assert b"".join(answer.streaming_content)[:2] == b"PK"

# Not unfold's, but as much of an app that the sample project does not have.
from django.core.management import call_command
from exportapp.jobs.notices.links import job_url
call_command("migrate", "sites", verbosity=0)
assert job_url(job) == f"https://example.com{{own}}", job_url(job)
print("all is there")
"""


def test_under_unfold_everything_is_there(
    build_house: Callable[..., House], tmp_path: Path
) -> None:
    example, styles = blocks(ROOT / "docs" / "integration.md", "python")[1:3]
    (tmp_path / "unfolded.py").write_text(f"{SETTINGS}\n{styles}")
    script = SCRIPT.format(admin=example.replace('"customer", ', ""))
    house = build_house(orders=25, database="sqlite")

    told = {"DJANGO_SETTINGS_MODULE": "unfolded", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = house.manage("shell", "--no-imports", "-c", script, **told)

    assert "all is there" in done.stdout, done.stderr
