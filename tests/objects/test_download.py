"""Files in a bucket on their way to a person: at the storage's address, or through ours."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import httpx
import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from exportapp.jobs import lifecycle, recheck
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop
from tests.objects.server import BUCKET, Server


@pytest.fixture
def ann(transactional_db: None) -> User:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="export_order"))
    return user


@pytest.fixture
def client(ann: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(ann)
    return client


def made(user: User, orders: int = 500, **asked: Any) -> ExportJob:
    seed_shop(orders, seed=1)
    viewer = Viewer(user=user, language="en", time_zone="UTC")
    asked = {"options": {"filename": "Größen"}} | asked
    job, _ = lifecycle.create(Selection(source="shop.Order"), viewer, queue=False, **asked)
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded", job.error
    return job


def address(job: ExportJob, **query: int) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/api/exports/{job.pk}/download/?{asked}"


def test_a_download_is_sent_on_to_an_address_that_is_good_for_some_minutes(
    on_s3: Server, ann: User, client: Client, settings: Any
) -> None:
    settings.EXPORTAPP_LINK_SECONDS = 120
    job = made(ann)
    file = job.files.get()
    for page in (address(job), f"/admin/exportapp/exportjob/{job.pk}/download/1/"):
        sent_on = client.get(page)
        assert sent_on.status_code == 302
        assert sent_on["Cache-Control"].startswith("private, no-store")
        got = httpx.get(sent_on["Location"])
        assert hashlib.sha256(got.content).hexdigest() == file.sha256
        assert got.headers["Content-Type"].endswith("spreadsheetml.sheet")
        assert "filename*=utf-8''Gr%C3%B6%C3%9Fen.xlsx" in got.headers["Content-Disposition"]
    assert job.events.filter(kind="downloaded", user=ann).count() == 2

    url = sent_on["Location"]
    rest = httpx.get(url, headers={"Range": f"bytes={file.size - 10}-"})
    assert (rest.status_code, rest.content) == (206, got.content[-10:])
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Expires"] == ["120"]
    for changed in (url.replace("xlsx", "xlsm"), url.replace("Expires=120", "Expires=999")):
        assert httpx.get(changed).status_code == 403
    with time_machine.travel("2126-01-01T00:00:00Z"):
        assert httpx.get(url).status_code == 403


def test_rights_are_asked_and_what_is_known_here_is_answered_here(
    on_s3: Server, ann: User, client: Client
) -> None:
    job = made(ann)
    file = job.files.get()
    head = client.head(address(job))
    assert (head.status_code, head["Content-Length"]) == (200, str(file.size))
    known = client.get(address(job), headers={"If-None-Match": f'"{file.sha256}"'})
    behind = client.get(address(job), headers={"Range": f"bytes={file.size}-"})
    assert (known.status_code, behind.status_code) == (304, 416)
    # Ours is a validator that the storage does not know: it would send everything once more.
    rest = {"Range": "bytes=5-", "If-Range": f'"{file.sha256}"'}
    went_on = client.get(address(job), headers=rest)
    assert (went_on.status_code, len(b"".join(went_on))) == (206, file.size - 5)
    other = {"Range": "bytes=5-", "If-Range": '"of the storage"'}
    assert client.get(address(job), headers=other).status_code == 302

    ann.user_permissions.clear()
    assert client.get(address(job)).status_code == 403


@pytest.mark.parametrize("place", ["results", "disk"])
def test_without_signed_addresses_the_bytes_come_through_with_their_ranges(
    on_s3: Server, ann: User, client: Client, settings: Any, place: str
) -> None:
    settings.EXPORTAPP_RESULTS = place
    settings.EXPORTAPP_RESULTS_REDIRECT = False
    job = made(ann)
    file = job.files.get()
    whole = b"".join(client.get(address(job)))
    assert hashlib.sha256(whole).hexdigest() == file.sha256
    part = client.get(address(job), headers={"Range": "bytes=1000-50000"})
    assert (part.status_code, b"".join(part)) == (206, whole[1000:50001])


def test_several_files_are_one_zip_that_is_read_from_the_storage(
    on_s3: Server, ann: User, client: Client, settings: Any
) -> None:
    settings.EXPORTAPP_SHEET_ROWS = 200
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    job = made(ann)
    whole = b"".join(client.get(address(job)))
    sums = {file.filename: file.sha256 for file in job.files.all()}
    with ZipFile(BytesIO(whole)) as archive:
        *names, manifest = archive.namelist()
        assert {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names} == sums
    middle = client.get(address(job), headers={"Range": f"bytes={len(whole) // 2}-"})
    assert b"".join(middle) == whole[len(whole) // 2 :]
    assert client.get(address(job, file=2)).status_code == 302


def test_an_object_that_is_gone_or_a_storage_that_is_away_says_so(
    on_s3: Server, ann: User, client: Client
) -> None:
    job = made(ann, 20)
    key = f"made/here/{job.files.get().path}"
    on_s3.gate.refuse = lambda *_: (503, "SlowDown")
    away = client.get(address(job))
    assert (away.status_code, away["Retry-After"]) == (503, "30")
    assert "SlowDown" not in away.json()["detail"], "what it says is for the log"
    assert client.get(f"/admin/exportapp/exportjob/{job.pk}/download/").status_code == 503
    on_s3.gate.refuse = lambda *_: None

    assert recheck.recheck(job, Operator()) == recheck.Compared.COUNTS
    on_s3.client.put_object(Bucket=BUCKET, Key=key, Body=b"x" * job.files.get().size)
    with pytest.raises(recheck.VerificationFailed, match="its digest differs"):
        recheck.recheck(job, Operator())
    on_s3.client.delete_object(Bucket=BUCKET, Key=key)
    gone = client.get(address(job))
    assert (gone.status_code, gone.json()["code"]) == (410, "file_damaged")
