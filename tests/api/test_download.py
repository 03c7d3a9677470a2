from __future__ import annotations

import hashlib
import os
from io import BytesIO
from zipfile import ZipFile

import pytest
from rest_framework.test import APIClient

from exportapp.jobs import delivery
from exportapp.jobs.files import local_path
from exportapp.jobs.formats.workbook import MEDIA_TYPE
from exportapp.jobs.journal import Happened
from exportapp.models import ExportJob
from exportapp.states import JobState
from project.shop.models import Order
from tests.api.conftest import ask, finished, job_of, worked
from tests.api.workbooks import body_of, downloaded_rows, rows_of

pytestmark = pytest.mark.usefixtures("shop")


def path_of(export):
    return local_path(job_of(export).files.get(number=1).path)


def test_the_downloaded_file_opens_and_holds_the_rows(api):
    export = finished(api, columns=["number", "status", "amount", "reference"], order=["number"])
    expected = [
        (order.number, order.get_status_display(), float(order.amount), order.reference)
        for order in Order.objects.order_by("number")
    ]
    titles, *rows = downloaded_rows(api, export)

    assert titles == ("Number", "Status", "Amount", "Payment reference")
    assert rows == expected


def test_a_download_is_private_and_named_and_says_its_digest(api):
    export = finished(api)
    response = api.get(export["links"]["download"])
    body = body_of(response)
    digest = hashlib.sha256(body).hexdigest()

    assert response["Content-Type"] == MEDIA_TYPE
    assert response["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert int(response["Content-Length"]) == len(body) == export["files"][0]["size"]
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert (response["ETag"], export["files"][0]["sha256"]) == (f'"{digest}"', digest)


def test_who_has_the_file_already_is_not_sent_it_again(api):
    export = finished(api)
    known = {"If-None-Match": f'"{export["files"][0]["sha256"]}"'}
    response = api.get(export["links"]["download"], headers=known)
    assert (response.status_code, response.content) == (304, b"")


def test_whoever_accepts_nothing_but_a_workbook_is_served(api):
    export = finished(api)
    response = api.get(export["links"]["download"], headers={"Accept": MEDIA_TYPE})
    assert rows_of(body_of(response))


def test_each_file_of_several_is_had_by_its_number(api, settings):
    settings.EXPORTAPP_SHEET_ROWS = 10
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    export = finished(api, columns=["id"], order=["id"])
    rows = [rows_of(body_of(api.get(file["url"])))[1:] for file in export["files"]]

    assert [len(part) for part in rows] == [10, 10, 5]
    assert [row[0] for part in rows for row in part] == [
        *Order.objects.order_by("id").values_list("id", flat=True)
    ]


def test_a_download_is_on_record_with_who_took_it(api):
    export = finished(api)
    body_of(api.get(export["links"]["download"]))
    event = job_of(export).events.get(kind=Happened.DOWNLOADED)
    assert (event.user.username, event.data) == ("ann", {"file": 1})


def test_a_range_behind_the_end_is_a_problem_that_says_the_size(api):
    export = finished(api)
    response = api.get(export["links"]["download"], headers={"Range": "bytes=99999999-"})
    assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
    assert response["Content-Range"] == f"bytes */{export['files'][0]['size']}"


def test_a_broken_download_goes_on_where_it_broke(api):
    export = finished(api)
    url, etag = export["links"]["download"], f'"{export["files"][0]["sha256"]}"'
    first = body_of(api.get(url))[:500]
    response = api.get(url, headers={"Range": "bytes=500-", "If-Range": etag})
    data = first + body_of(response)

    assert response.status_code == 206
    assert hashlib.sha256(data).hexdigest() == export["files"][0]["sha256"]
    assert job_of(export).events.filter(kind=Happened.DOWNLOADED).count() == 1


def test_several_files_are_had_as_one_zip_with_the_manifest(api, settings):
    settings.EXPORTAPP_SHEET_ROWS = 10
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    export = finished(api, columns=["id"])
    response = api.get(export["links"]["download"])
    with ZipFile(BytesIO(body_of(response))) as found:
        assert found.testzip() is None
        names = [file["filename"] for file in export["files"]]
        assert found.namelist() == [*names, "manifest.json"]
        manifest = found.read("manifest.json")
    assert response["Content-Type"] == "application/zip"
    assert manifest == api.get(export["links"]["manifest"]).content
    event = job_of(export).events.get(kind=Happened.DOWNLOADED)
    assert (event.message, event.data) == ("orders.zip", {"file": "all"})


def test_the_manifest_is_there_when_the_file_is_and_stays(api):
    export = ask(api)
    assert export["links"]["manifest"] is None
    url = f"{export['links']['self']}manifest/"
    assert api.get(url).status_code == 409
    export = worked(api, export)
    told = api.get(export["links"]["manifest"])
    assert told["Content-Type"] == "application/json"
    assert told.json()["files"][0]["sha256"] == export["files"][0]["sha256"]
    ExportJob.objects.filter(pk=export["id"]).update(status=JobState.EXPIRED)
    assert api.get(url).content == told.content


def test_the_manifest_of_somebody_else_is_not_found_and_needs_the_right(api, person, sign_in):
    export = finished(api)
    assert sign_in(person("ben")).get(export["links"]["manifest"]).status_code == 404
    job_of(export).requested_by.user_permissions.clear()
    assert api.get(export["links"]["manifest"]).status_code == 403


def test_before_it_is_ready_a_download_is_a_conflict(api):
    response = api.get(f"{ask(api)['links']['self']}download/")
    assert (response.status_code, response.json()["code"]) == (409, "illegal_transition")


def test_after_its_time_the_file_is_gone(api):
    export = finished(api)
    ExportJob.objects.filter(pk=export["id"]).update(status=JobState.EXPIRED)
    response = api.get(export["links"]["download"])
    assert (response.status_code, response.json()["code"]) == (410, "file_expired")


@pytest.mark.parametrize("harm", [os.unlink, lambda path: os.truncate(path, 100)])
def test_a_damaged_file_is_gone_and_nobody_is_said_to_have_taken_it(api, harm):
    export = finished(api)
    harm(path_of(export))
    response = api.get(export["links"]["download"])

    assert (response.status_code, response.json()["code"]) == (410, "file_damaged")
    assert not job_of(export).events.filter(kind=Happened.DOWNLOADED).exists()


def test_a_file_that_goes_between_the_check_and_the_opening_is_gone(api, django_user_model):
    export = finished(api)
    user = django_user_model.objects.get(username="ann")
    ready = delivery.deliver(job_of(export), user)
    os.unlink(ready.path)
    with pytest.raises(delivery.FileDamaged, match=r"orders\.xlsx"):
        ready.open()


@pytest.mark.parametrize(("number", "status"), [("2", 404), ("0", 400), ("one", 400)])
def test_a_number_without_a_file_is_refused(api: APIClient, number, status):
    export = finished(api)
    response = api.get(export["links"]["download"], {"file": number})
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_a_job_made_for_another_person_is_not_delivered(api, person):
    export = finished(api)
    with pytest.raises(delivery.NotAllowed, match="somebody else"):
        delivery.deliver(job_of(export), person("ben"))
