"""What is delivered as a response: headers, validators, and what counts as a download."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncRequestFactory, RequestFactory

from exportapp.jobs.delivery import ZIP, deliver, deliver_manifest
from exportapp.jobs.files import local_path
from exportapp.jobs.formats.workbook import MEDIA_TYPE
from exportapp.jobs.transfer import respond
from exportapp.models import ExportJob
from tests.jobs.conftest import finish
from tests.jobs.transfers import Get, body, taken, whole


@pytest.fixture
def several(orders: Callable[[int], None], ask: Any, settings: Any) -> ExportJob:
    settings.EXPORTAPP_SHEET_ROWS = 10
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    orders(30)
    job = ask()
    finish(job)
    assert isinstance(job, ExportJob)
    return job


def test_a_file_is_named_private_and_says_its_digest(job: ExportJob, get: Get) -> None:
    response = get(job)
    data = body(response)
    assert (response.status_code, data) == (200, whole(job))
    assert response["Content-Type"] == MEDIA_TYPE
    assert response["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert response["Content-Length"] == str(len(data))
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'


def test_who_has_it_is_not_sent_it_and_took_nothing(job: ExportJob, get: Get) -> None:
    etag = f'"{job.files.get().sha256}"'
    response = get(job, **{"If-None-Match": etag})
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
    assert get(job, **{"If-Match": '"another"'}).status_code == 412
    assert taken(job) == []


def test_head_says_the_same_without_the_bytes_and_is_no_download(job: ExportJob, get: Get) -> None:
    response, full = get(job, method="HEAD"), get(job)
    assert body(response) == b""
    assert dict(response.headers) == dict(full.headers)
    full.close()
    # RFC 9110, 14.2: a range is of GET alone.
    assert get(job, method="HEAD", Range="bytes=5-9").status_code == 200
    assert taken(job) == [1]


def test_several_files_come_as_one_zip_of_known_length(several: ExportJob, get: Get) -> None:
    response = get(several)
    data = body(response)
    assert response["Content-Type"] == ZIP
    assert response["Content-Disposition"] == 'attachment; filename="orders.zip"'
    assert response["Content-Length"] == str(len(data))
    again = get(several)
    assert (body(again), again["ETag"]) == (data, response["ETag"])
    for cut in (1, 100, len(data) // 2, len(data) - 1):
        rest = get(several, Range=f"bytes={cut}-", **{"If-Range": response["ETag"]})
        assert (rest.status_code, data[:cut] + body(rest)) == (206, data)
    assert taken(several) == ["all", "all"]


def test_the_zip_of_other_bytes_has_another_tag(several: ExportJob, get: Get) -> None:
    before = get(several)["ETag"]
    several.files.filter(number=2).update(sha256="00" * 32)
    assert get(several)["ETag"] != before


def test_each_file_of_several_is_had_by_its_number(several: ExportJob, get: Get) -> None:
    for file in several.files.all():
        data = body(get(several, number=file.number))
        assert hashlib.sha256(data).hexdigest() == file.sha256


def test_a_download_that_is_resumed_is_one_download(job: ExportJob, get: Get) -> None:
    get(job).close()
    get(job, Range="bytes=100-").close()
    get(job, Range="bytes=200-").close()
    assert taken(job) == [1]
    get(job, Range="bytes=0-").close()
    assert taken(job) == [1, 1], "from the beginning it is one more"


def test_nobody_takes_all_but_the_first_byte_unseen(
    job: ExportJob, get: Get, django_user_model: Any
) -> None:
    get(job, Range="bytes=1-").close()
    assert taken(job) == [1]
    get(job, Range="bytes=2-").close()
    assert taken(job) == [1]
    bob = django_user_model.objects.create_superuser("bob")
    request = RequestFactory().get("/", headers={"Range": "bytes=1-"})
    respond(request, job, bob, deliver(job, bob)).close()
    assert taken(job) == [1, 1], "what ann took is not what bob took"


def test_the_manifest_is_had_by_the_same_way_and_is_no_download(job: ExportJob, ann: User) -> None:
    request = RequestFactory().get("/")
    response = respond(request, job, ann, deliver_manifest(job, ann))
    assert body(response) == job.manifest.encode()
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="orders-manifest.json"'
    known = RequestFactory().get("/", headers={"If-None-Match": response["ETag"]})
    assert respond(known, job, ann, deliver_manifest(job, ann)).status_code == 304
    assert taken(job) == []


def test_under_asgi_it_is_read_block_by_block(
    job: ExportJob, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportapp.jobs.content.BLOCK", 1000)
    request = AsyncRequestFactory().get("/")
    response: Any = respond(request, job, ann, deliver(job, ann))

    async def blocks() -> list[bytes]:
        return [block async for block in response]

    found = asyncio.run(blocks())
    assert response.is_async
    assert b"".join(found) == whole(job)
    assert max(map(len, found)) == 1000, "never all of it at once"


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_transfer(job: ExportJob, get: Get) -> None:
    response = get(job, Range="bytes=1-")
    os.truncate(local_path(job.files.get().path), 100)
    with pytest.raises(Exception, match="ends at byte 100"):
        body(response)


@pytest.fixture
def sent_by_nginx(settings: Any) -> Path:
    root = Path(settings.STORAGES["exports"]["OPTIONS"]["location"])
    settings.EXPORTAPP_SENDFILE = True
    settings.SENDFILE_BACKEND = "django_sendfile.backends.nginx"
    settings.SENDFILE_ROOT = str(root)
    settings.SENDFILE_URL = "/protected"
    from django_sendfile import utils

    utils._get_sendfile.cache_clear()
    return root


def test_the_web_server_is_told_which_file_to_send(
    job: ExportJob, get: Get, sent_by_nginx: Path
) -> None:
    response = get(job, Range="bytes=100-")
    path = job.files.get().path
    assert response["X-Accel-Redirect"] == f"/protected/{path}"
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Type"] == MEDIA_TYPE
    assert response["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert response["Cache-Control"] == "private, no-store"
    # Both are nginx's to say, of the file as it has it.
    assert "ETag" not in response.headers and "Content-Range" not in response.headers
    assert re.fullmatch(r"[0-9a-f-]{36}/orders\.f\d+\.xlsx", path)
    assert taken(job) == [1]
    get(job, Range="bytes=200-")
    get(job, method="HEAD")
    assert taken(job) == [1]


def test_a_zip_is_sent_by_django_whoever_sends_files(
    several: ExportJob, get: Get, sent_by_nginx: Path
) -> None:
    response = get(several)
    assert "X-Accel-Redirect" not in response.headers
    assert len(body(response)) == int(response["Content-Length"])
