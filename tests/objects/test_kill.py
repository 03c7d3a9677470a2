"""A worker that is killed while parts are on their way, and whoever goes on."""

from __future__ import annotations

import hashlib
import json
import signal
from typing import Any

from tests.house import House, wait_for
from tests.objects.conftest import PART
from tests.objects.server import BUCKET, Server

KILLED_AT = 4


def test_whoever_goes_on_after_a_kill_sends_only_the_parts_that_are_missing(
    bucket: Server, build_house: Any
) -> None:
    house: House = build_house(orders=3000)
    env = settings_of(house, bucket)
    arrived, sent = [], []

    def at_fourth(method: str, path: str, query: dict[str, str]) -> tuple[int, str] | None:
        if method != "PUT" or "partNumber" not in query:
            return None
        sent.append(query["partNumber"])
        if len(sent) > KILLED_AT:
            # Held until the test has killed the worker.
            wait_for(lambda: not worker.alive, what="the worker is dead")
            return 503, "SlowDown"
        return None

    bucket.gate.refuse = at_fourth
    worker = house.start("export_excel", "shop.Order", **env)
    wait_for(lambda: len(sent) > KILLED_AT or not worker.alive, what="parts are on their way")
    assert worker.alive, worker.log()
    # The first ones have arrived, whatever the database knows of them by now.
    wait_for(lambda: house.rows("SELECT count(*) FROM exportapp_exportpart")[0][0] > 0)
    worker.signal(signal.SIGKILL)
    wait_for(lambda: not worker.alive)

    ((job_id, state),) = house.rows("SELECT id, status FROM exportapp_exportjob")
    assert state == "uploading"
    (upload,) = bucket.uploads()
    key = bucket.client.list_multipart_uploads(Bucket=BUCKET)["Uploads"][0]["Key"]
    there = bucket.client.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]
    arrived = [str(part["PartNumber"]) for part in there]
    assert arrived, "parts are on the server"

    bucket.gate.refuse = lambda *_: None
    bucket.gate.seen.clear()
    done = house.manage("export_excel", "--resume", str(job_id), **env)
    assert done.returncode == 0, done.stderr
    again = [query["partNumber"] for method, query in bucket.gate.seen if "partNumber" in query]
    ((name, size, sha256),) = house.rows("SELECT path, size, sha256 FROM exportapp_exportfile")
    assert sorted(map(int, [*arrived, *again])) == list(range(1, -(-size // PART) + 1))
    body = bucket.client.get_object(Bucket=BUCKET, Key=f"made/here/{name}")["Body"].read()
    assert hashlib.sha256(body).hexdigest() == sha256
    assert bucket.uploads() == []


def settings_of(house: House, server: Server) -> dict[str, str]:
    spool = {"BACKEND": "exportapp.jobs.files.PrivateFileStorage"}
    plain = "django.core.files.storage.FileSystemStorage"
    static = "django.contrib.staticfiles.storage.StaticFilesStorage"
    told = {
        "STORAGES": {
            "default": {"BACKEND": plain},
            "staticfiles": {"BACKEND": static},
            "exports": spool | {"OPTIONS": {"location": str(house.exports)}},
            "results": server.storage(),
        },
        "EXPORTAPP_RESULTS": "results",
        "EXPORTAPP_UPLOAD_PART_BYTES": PART,
        # Parts that are as small as this are for tests.
        "SILENCED_SYSTEM_CHECKS": ["exportapp.E009"],
    }
    return {"TEST_SETTINGS": json.dumps(told), "DJANGO_SETTINGS_MODULE": "tests.settings"}
