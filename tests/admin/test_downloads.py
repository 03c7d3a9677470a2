from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.test import Client

from exportapp.jobs.files import local_path
from exportapp.models import ExportJob
from exportapp.states import JobState
from project.shop.models import Order
from tests.admin.conftest import address, make_person, page_of

Finish = Callable[[ExportJob], ExportJob]


@pytest.fixture
def done(asked: ExportJob, finish: Finish) -> ExportJob:
    return finish(asked)


def test_the_file_comes_as_an_attachment_that_nobody_may_keep(
    desk: Client, clerk: User, done: ExportJob, orders: list[Order]
) -> None:
    response = desk.get(address("download", done, 1))
    content = b"".join(response)

    assert response.headers["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert response.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"].startswith("private, no-store")
    assert hashlib.sha256(content).hexdigest() == done.files.get().sha256
    assert done.events.filter(kind="downloaded", user=clerk).count() == 1
    sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
    numbers = [str(row[0]) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert sorted(numbers) == sorted(order.number for order in orders)


def test_a_broken_download_goes_on_where_it_broke(desk: Client, done: ExportJob) -> None:
    whole = b"".join(desk.get(address("download", done, 1)))
    rest = desk.get(address("download", done, 1), headers={"Range": "bytes=100-"})
    behind = desk.get(address("download", done, 1), headers={"Range": "bytes=9999999-"})

    assert (rest.status_code, b"".join(rest)) == (206, whole[100:])
    assert (behind.status_code, behind["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert done.events.filter(kind="downloaded").count() == 1


def test_the_page_offers_the_manifest_and_all_of_several_files_as_one(
    desk: Client, asked: ExportJob, finish: Finish, settings: Any
) -> None:
    settings.EXPORTAPP_SHEET_ROWS = 10
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    done = finish(asked)
    page = desk.get(page_of(done)).content.decode()
    assert f'href="{address("download_all", done)}"' in page
    assert f'href="{address("manifest", done)}"' in page

    whole = desk.get(address("download_all", done))
    with ZipFile(BytesIO(b"".join(whole))) as found:
        assert found.testzip() is None
        assert found.read("manifest.json") == desk.get(address("manifest", done)).content


def test_of_one_file_there_is_nothing_to_pack(desk: Client, done: ExportJob) -> None:
    assert f'href="{address("download_all", done)}"' not in desk.get(page_of(done)).content.decode()
    response = desk.get(address("download_all", done))
    assert response.headers["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    response.close()


def test_who_lost_the_right_gets_no_manifest(desk: Client, clerk: User, done: ExportJob) -> None:
    clerk.user_permissions.clear()
    assert desk.get(address("manifest", done)).status_code == 403


def test_a_name_beyond_ascii_is_kept(desk: Client, done: ExportJob) -> None:
    done.files.update(filename="Aufträge.xlsx")

    response = desk.get(address("download", done, 1))
    response.close()

    expected = "attachment; filename*=utf-8''Auftr%C3%A4ge.xlsx"
    assert response.headers["Content-Disposition"] == expected


def test_who_lost_the_right_to_the_rows_gets_no_file(
    desk: Client, clerk: User, done: ExportJob
) -> None:
    clerk.user_permissions.clear()

    assert desk.get(address("download", done, 1)).status_code == 403
    assert not done.events.filter(kind="downloaded").exists()


def test_the_file_of_somebody_else_is_not_found(client: Client, done: ExportJob) -> None:
    client.force_login(make_person("other", "view_order", "export_order"))

    assert client.get(address("download", done, 1)).status_code == 404


def test_who_is_not_signed_in_is_asked_to(done: ExportJob) -> None:
    response = Client().get(address("download", done, 1))

    assert response.status_code == 302
    assert "/login/" in response.headers["Location"]


def test_before_it_is_ready_the_page_says_so(desk: Client, asked: ExportJob) -> None:
    response = desk.get(address("download", asked, 1))

    assert response.status_code == 409
    assert "its file is not there" in response.content.decode()


def test_after_its_time_the_page_says_so(desk: Client, done: ExportJob) -> None:
    ExportJob.objects.filter(pk=done.pk).update(status=JobState.EXPIRED)

    response = desk.get(address("download", done, 1))

    assert response.status_code == 410
    assert "The time of this export is over" in response.content.decode()


def test_a_file_that_vanished_from_the_disk_is_not_an_empty_download(
    desk: Client, done: ExportJob
) -> None:
    local_path(done.files.get().path).unlink()

    response = desk.get(address("download", done, 1))

    assert response.status_code == 410
    assert "Make the export again." in response.content.decode()


def test_there_is_no_second_file(desk: Client, done: ExportJob) -> None:
    assert desk.get(address("download", done, 2)).status_code == 404
