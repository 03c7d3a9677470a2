"""What a person calls columns and the file, and codes for labels: part of what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIClient

from exportapp.exceptions import RequestRefused
from exportapp.jobs import lifecycle, presets
from exportapp.jobs.filenames import stem
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop
from project.shop.models import Order

BOSS = Viewer(user=Operator(), language="en", time_zone="UTC")


def orders(**asked: Any) -> Selection:
    return Selection(source="shop.Order", **asked)


def test_the_json_of_requests_without_them_is_what_it_was() -> None:
    plain = orders(columns=("number",)).to_json()
    assert set(plain) == {"source", "site", "query", "order", "keys", "columns"}
    said = orders(titles={"number": "No."}, codes=True)
    assert Selection.from_json(said.to_json()) == said
    assert orders().canonical != said.canonical


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ({"customer": "Who"}, "'customer'.*Valid: number, status"),
        ({"nothing": "x"}, "'nothing'"),
        ({"number": " "}, "'number' is empty: give 1 to 255"),
        ({"number": "x" * 256}, "256 characters. Valid: 1 to 255"),
        ({"number": "a\x07b"}, r"a\\x07b.*control characters"),
    ],
)
def test_a_title_that_cannot_be_a_heading_is_refused(titles: dict[str, str], words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        lifecycle.create(orders(columns=("number", "status"), titles=titles), BOSS)
    assert not ExportJob.objects.exists()


@pytest.mark.django_db
def test_titles_codes_and_the_name_are_in_the_file_and_stay_when_it_is_started_over() -> None:
    seed_shop(12, seed=1)
    # Equal titles are allowed: a sheet does not mind.
    asked = orders(columns=("status", "number"), titles={"status": "=No.", "number": "=No."})
    labels, _ = lifecycle.create(asked, BOSS, options={"filename": "my orders.XLSX"})
    first = Selection.from_json(labels.selection)
    codes, new = lifecycle.create(
        Selection(**{**_plain(first), "codes": True}), BOSS, options={"filename": "my orders"}
    )
    assert new
    assert labels.filename == codes.filename == "my orders.xlsx"
    for job, values in ((labels, Order.Status.labels), (codes, Order.Status.values)):
        work(job.pk)
        job.refresh_from_db()
        assert job.can_download, job.error
        rows = list(_sheet(job).iter_rows(values_only=True))
        assert rows[0] == ("=No.", "=No.")
        assert {row[0] for row in rows[1:]} <= set(values)
        assert len(rows) == 13
    again = lifecycle.start_over(codes)
    assert (again.selection, again.filename) == (codes.selection, codes.filename)


@pytest.mark.django_db
def test_a_preset_keeps_titles_of_columns_that_are_there() -> None:
    ada = User.objects.create_superuser("ada")
    viewer = Viewer(user=ada, language="en", time_zone="UTC")
    asked = orders(columns=("amount", "number"), titles={"amount": "Sum"}, codes=True)
    kept = presets.save(viewer, "mine", asked, options={"filename": "for the bank"})
    found = presets.recipe(kept, viewer)
    assert found.selection.titles == {"amount": "Sum"}
    assert found.selection.codes
    assert found.options == {"filename": "for the bank"}

    kept.selection["columns"].append("gone")
    kept.selection["titles"]["gone"] = "Gone"
    found = presets.recipe(kept, viewer)
    assert (found.dropped, dict(found.selection.titles)) == (("gone",), {"amount": "Sum"})
    with pytest.raises(RequestRefused, match="'nothing'"):
        presets.save(viewer, "other", orders(titles={"nothing": "x"}))


@pytest.mark.django_db
def test_the_interface_and_the_command_take_them(tmp_path: Path) -> None:
    seed_shop(3, seed=1)
    client = APIClient()
    client.force_login(User.objects.create_superuser("ada"))
    body = {"source": "shop.Order", "columns": ["status"], "titles": {"status": "S"}}
    answer = client.post("/api/exports/", body | {"codes": True}, format="json")
    assert answer.status_code == 201, answer.content
    (job,) = ExportJob.objects.all()
    assert (job.selection["titles"], job.selection["codes"]) == ({"status": "S"}, True)
    wrong = client.post("/api/exports/", body | {"titles": {"number": "x"}}, format="json")
    assert wrong.status_code == 400 and b"'number'" in wrong.content

    path = tmp_path / "orders.xlsx"
    asked = ("--columns", "status,number", "--title", "number=No.", "--title", "number=N=1")
    call_command("export_excel", "shop.Order", *asked, "--codes", "--output", str(path))
    rows = list(openpyxl.load_workbook(path).worksheets[0].values)
    assert rows[0] == ("Status", "N=1")
    assert {row[0] for row in rows[1:]} <= set(Order.Status.values)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("orders.xlsx", "orders"),
        (" Bestellungen März ", "Bestellungen März"),
        (".orders...", "orders"),
        ("orders.csv.gz", "orders"),
        ("v1.2", "v1.2"),
        ("", ""),
    ],
)
def test_a_name_of_a_file_is_cleaned(given: str, made: str) -> None:
    assert stem(given) == made


@pytest.mark.parametrize("given", ["../x", "a\\b", "a\nb", "x\u202exslx", "a:b", "...", "x" * 151])
def test_a_name_that_a_system_cannot_keep_is_refused(given: str) -> None:
    with pytest.raises(RequestRefused, match="file name"):
        stem(given)


def _plain(selection: Selection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in selection.__dataclass_fields__}


def _sheet(job: ExportJob) -> Any:
    return openpyxl.load_workbook(local_path(job.files.get().path)).worksheets[0]
