"""The page of an export in a project's own words, and on an admin site of its own."""

from __future__ import annotations

from typing import Any

from django.test import Client

from exportapp.models import ExportJob
from tests.admin.conftest import address, page_of


def test_a_model_has_templates_of_its_own(
    desk: Client, running: ExportJob, settings: Any, tmp_path: Any
) -> None:
    own = tmp_path / "exportapp" / "shop" / "order"
    own.mkdir(parents=True)
    (own / "job.html").write_text(
        '{% extends "exportapp/job.html" %}{% block asked %}OUR ORDERS{% endblock %}'
    )
    (own / "_job_live.html").write_text(
        '{% extends "exportapp/_job_live.html" %}{% block figures %}OUR FIGURES{% endblock %}'
    )
    (own / "_row.html").write_text(
        '{% extends "exportapp/_row.html" %}{% block buttons %}NO BUTTONS{% endblock %}'
    )
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [engine | {"DIRS": [tmp_path, *engine["DIRS"]]}]

    page = desk.get(page_of(running)).content.decode()
    live = desk.get(address("part", running, "job") + "?seen=rendering").content.decode()
    row = desk.get(address("part", running, "row")).content.decode()

    assert "OUR ORDERS" in page and "OUR FIGURES" in page and "OUR FIGURES" in live
    assert "NO BUTTONS" in row


def test_another_admin_site_stays_on_its_own_pages(
    desk: Client, running: ExportJob, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.admin.staff_urls"
    page = desk.get(f"/staff/exportapp/exportjob/{running.pk}/change/").content.decode()

    assert f"/staff/exportapp/exportjob/{running.pk}/part/job/" in page
    assert "/admin/exportapp/" not in page
    assert page.count('href="/staff/') > 3
