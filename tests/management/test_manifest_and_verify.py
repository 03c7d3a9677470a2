from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import House


@pytest.fixture
def shop(build_house: Callable[..., House]) -> House:
    return build_house(orders=50)


def test_the_manifest_is_printed_and_the_file_verified(shop: House, tmp_path: Path) -> None:
    verified = {"TEST_SETTINGS": json.dumps({"EXPORTAPP_OPTIONS": {"verify": True}})}
    done = shop.manage("export_excel", "shop.Order", "--json", **verified)
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)

    manifest = shop.manage("export_excel", "--manifest", job["id"])
    assert manifest.returncode == 0, manifest.stderr
    told = json.loads(manifest.stdout)
    assert told["files"][0]["sha256"] == job["files"][0]["sha256"]
    assert told["verified"]["rows"] == 50

    looked = shop.manage("export_excel", "--verify", job["id"])
    assert looked.returncode == 0, looked.stderr
    assert "every column with its checksum in the manifest" in looked.stdout

    path = Path(job["files"][0]["path"])
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    wrong = shop.manage("export_excel", "--verify", job["id"])
    assert wrong.returncode == 1
    assert "digest differs" in wrong.stderr
    kinds = {kind for (kind,) in shop.rows("SELECT kind FROM exportapp_exportevent")}
    assert {"verified", "damaged", "alarm"} <= kinds


def test_what_is_not_finished_has_no_manifest_and_nothing_to_verify(shop: House) -> None:
    job = shop.manage("export_excel", "shop.Order", "--queue").stdout.strip()
    for verb in ("--manifest", "--verify"):
        refused = shop.manage("export_excel", verb, job)
        assert refused.returncode == 1
        assert "Queued" in refused.stderr
    looked = shop.manage("export_excel", "--verify", "no-such-id")
    assert looked.returncode == 2
