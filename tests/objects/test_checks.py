from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.checks import run_checks

S3 = "storages.backends.s3.S3Storage"


def found() -> dict[str, str]:
    """Messages by id, as `manage.py check` gives them."""
    ours = [message for message in run_checks() if message.id.startswith("exportapp.")]
    return {f"{each.id}".removeprefix("exportapp."): f"{each.msg} {each.hint}" for each in ours}


@pytest.fixture
def place(settings: Any) -> Any:
    # The parts of the other tests here are too small for the check.
    settings.EXPORTAPP_UPLOAD_PART_BYTES = 5 * 2**20

    def put(backend: str, alias: str = "results", **options: Any) -> None:
        entry = {"BACKEND": backend, "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"results": entry}
        settings.EXPORTAPP_RESULTS = alias

    return put


def test_a_storage_of_results_that_cannot_be_used_is_named(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(S3, alias="reslts", bucket_name="x")
    assert "STORAGES['reslts']" in found()["E023"]
    place(S3, bucket_name="x")
    assert found() == {}
    place(S3, bucket_name="x", nonsense=1)
    assert "nonsense" in found()["E023"]
    for name in [*sys.modules]:
        if name.startswith("storages"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)
    place(S3, bucket_name="x")
    assert "pip install 'exportapp[s3]'" in found()["E023"]


def test_results_that_anybody_could_have_are_refused(place: Any, settings: Any) -> None:
    place(S3, bucket_name="x", default_acl="public-read")
    assert found().keys() == {"E024"}
    place(S3, bucket_name="x", object_parameters={"ACL": "public-read-write"})
    assert found().keys() == {"E024"}
    place("django.core.files.storage.FileSystemStorage", base_url="/files/", location="/nowhere")
    assert found().keys() == {"E005"}
    settings.MEDIA_ROOT = "/nowhere"
    place("exportapp.jobs.files.PrivateFileStorage", location="/nowhere/results")
    assert found().keys() == {"E004"}
