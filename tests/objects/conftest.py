from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from django.core.files.storage import storages

from exportapp.jobs import breaker, lifecycle
from exportapp.jobs.heartbeat import stop_requested
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.loading import seed_shop
from tests.objects.server import BUCKET, REGION, Server, running

PART = 40_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running() as server:
        yield server


@pytest.fixture
def bucket(server: Server) -> Iterator[Server]:
    """The server with one empty bucket."""
    place = {"LocationConstraint": REGION}
    server.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    server.gate.seen.clear()
    yield server
    server.gate.refuse = lambda *_: None
    for upload in server.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        named = {"Bucket": BUCKET, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        server.client.abort_multipart_upload(**named)
    for key in server.objects():
        server.client.delete_object(Bucket=BUCKET, Key=key)
    server.client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(autouse=True)
def own_places(settings: Any, tmp_path: Any) -> Iterator[None]:
    """Shards here, results there; parts so small that a file has several."""
    settings.STORAGES = settings.STORAGES | {
        "exports": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": tmp_path / "exports"},
        },
        "disk": {
            "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
            "OPTIONS": {"location": tmp_path / "elsewhere"},
        },
    }
    settings.EXPORTAPP_UPLOAD_PART_BYTES = PART
    stop_requested.clear()
    breaker._of_this_process.cache_clear()
    yield
    stop_requested.clear()


@pytest.fixture
def on_s3(bucket: Server, settings: Any) -> Server:
    # One try for each request: a test that refuses one wants to see what follows.
    once = Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 0}
    )
    settings.STORAGES = settings.STORAGES | {"results": bucket.storage(client_config=once)}
    settings.EXPORTAPP_RESULTS = "results"
    assert "results" in storages.backends
    return bucket


@pytest.fixture
def ask(transactional_db: None) -> Callable[..., ExportJob]:
    """Ask for an export of some orders; nobody works on it yet."""

    def create(orders: int = 2000, **asked: Any) -> ExportJob:
        seed_shop(orders, seed=1)
        viewer = Viewer(user=Operator(), language="en", time_zone="UTC")
        return lifecycle.create(Selection(source="shop.Order"), viewer, queue=False, **asked)[0]

    return create
