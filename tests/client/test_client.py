"""The client against a real server, through a network that breaks."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from exportapp.client import (
    DamagedDownload,
    ExportClient,
    ExportNotReady,
    Refused,
    WaitedTooLong,
    watching,
)
from exportapp.client.trying import retry_after
from exportapp.jobs import lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.work import work
from exportapp.models import ExportFile, ExportJob
from tests.house import ROOT

Reach = Callable[..., ExportClient]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)


def worked(client: ExportClient, **asked: Any) -> dict[str, Any]:
    """A finished export of the orders."""
    export = client.create("shop.Order", **asked)
    work(export["id"])
    return client.get(export["id"])


def test_it_runs_where_there_is_no_django() -> None:
    said = (
        "import sys, exportapp.client\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'django', 'pyarrow', 'redis'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "[]\n"


def test_all_in_one(reach: Reach, tmp_path: Path) -> None:
    seen = list[str]()

    def on_progress(export: dict[str, Any]) -> None:
        seen.append(export["state"])
        work(export["id"])

    path = reach().export(
        "shop.Order",
        tmp_path / "orders.xlsx",
        filters={"status": "paid"},
        columns=["number"],
        on_progress=on_progress,
    )

    rows = ExportFile.objects.get().rows
    assert openpyxl.load_workbook(path).worksheets[0].max_row == rows + 1
    assert (seen[0], seen[-1]) == ("queued", "succeeded")
    assert [each.name for each in tmp_path.iterdir()] == ["orders.xlsx"]


def test_an_answer_that_is_lost_makes_no_second_export(reach: Reach, site: Any) -> None:
    client = reach()
    site.break_behind(0, times=3)

    export = client.create("shop.Order")

    assert site.broken == 3
    assert [str(job.pk) for job in ExportJob.objects.all()] == [export["id"]]
    work(export["id"])
    assert client.create("shop.Order", key="mine") == client.create("shop.Order", key="mine")
    assert ExportJob.objects.count() == 2


def test_a_deed_whose_answer_is_lost_is_done(reach: Reach, site: Any) -> None:
    client = reach()
    export = client.create("shop.Order")
    site.break_behind(0, times=1)

    assert client.pause(export["id"])["state"] == "paused"

    assert client.resume(export["id"])["state"] == "queued"
    assert client.cancel(export["id"])["state"] == "cancelled"
    with pytest.raises(Refused) as refused:
        client.cancel(export["id"])
    assert (refused.value.status, refused.value.code) == (409, "illegal_transition")


def test_a_broken_download_goes_on_and_is_the_same_file(
    reach: Reach, site: Any, tmp_path: Path
) -> None:
    client = reach()
    export = worked(client)
    (file,) = export["files"]
    ranges = list[str]()
    client._http.event_hooks["request"].append(lambda r: ranges.append(r.headers.get("Range", "")))
    site.break_behind(9_000, times=3)

    path = client.download(export["id"], tmp_path / "orders.xlsx")

    assert site.broken == 3 and file["size"] > 20_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    assert len([asked for asked in ranges if asked.startswith("bytes=")]) >= 1
    assert [each.name for each in tmp_path.iterdir()] == ["orders.xlsx"]


def test_what_another_process_left_is_gone_on_with_where_it_is_of_this_file(
    reach: Reach, tmp_path: Path
) -> None:
    client = reach()
    export = worked(client)
    whole = local_path(ExportFile.objects.get().path).read_bytes()
    for left in (whole[:5000], whole, whole + b"more"):
        (tmp_path / "orders.xlsx.part").write_bytes(left)
        path = client.download(export["id"], tmp_path / "orders.xlsx")
        assert path.read_bytes() == whole
    (tmp_path / "orders.xlsx.part").write_bytes(b"x" * 5000)
    with pytest.raises(DamagedDownload, match="SHA-256"):
        client.download(export["id"], tmp_path / "orders.xlsx")
    assert [each.name for each in tmp_path.iterdir()] == ["orders.xlsx"]
    assert client.download(export["id"], tmp_path / "orders.xlsx").read_bytes() == whole


def test_several_files_are_a_zip_or_one_of_them(
    reach: Reach, site: Any, settings: Any, tmp_path: Path
) -> None:
    settings.EXPORTAPP_SHEET_ROWS = 200
    settings.EXPORTAPP_WORKBOOK_BYTES = 1
    client = reach()
    export = worked(client)
    site.break_behind(9_000, times=2)

    path = client.download(export["id"], tmp_path / "orders.zip")
    second = client.download(export["id"], tmp_path / "second.xlsx", file=2)

    with zipfile.ZipFile(path) as archive:
        for file in export["files"]:
            digest = hashlib.sha256(archive.read(file["filename"])).hexdigest()
            assert digest == file["sha256"]
    assert hashlib.sha256(second.read_bytes()).hexdigest() == export["files"][1]["sha256"]


def test_what_the_server_refuses_is_said_in_its_words_and_not_tried_again(reach: Reach) -> None:
    client, asked = reach(), list[Any]()
    client._http.event_hooks["request"].append(asked.append)

    with pytest.raises(Refused) as refused:
        client.create("shop.Order", columns=["nothing"])

    assert refused.value.status == 400 and refused.value.code == "unknown_name"
    assert "number" in refused.value.valid and "nothing" in refused.value.detail
    with pytest.raises(Refused, match="404"):
        client.get("00000000-0000-0000-0000-000000000000")
    assert len(asked) == 2


def test_a_server_that_says_later_is_asked_later(reach: Reach, settings: Any) -> None:
    settings.EXPORTAPP_API_RATES = {"create": "1/s"}
    client, statuses = reach(), list[int]()
    client._http.event_hooks["response"].append(lambda answer: statuses.append(answer.status_code))

    for _ in range(3):
        assert client.create("shop.Order")["state"] == "queued"

    assert 429 in statuses and statuses[-1] < 300


def test_a_network_that_stays_away_is_given_up(reach: Reach, site: Any) -> None:
    client = reach(deadline=0.3)
    site.break_behind(0, times=10**6)
    with pytest.raises(httpx.TransportError):
        client.create("shop.Order")
    assert site.broken > 1
    site.break_behind(0, times=0)


def test_an_export_without_a_file_is_told_with_its_reason(reach: Reach, tmp_path: Path) -> None:
    client = reach()
    export = client.create("shop.Order")
    with pytest.raises(WaitedTooLong, match=r"within 0\.1 s"):
        client.wait(export["id"], timeout=0.1)
    with pytest.raises(ExportNotReady, match="Queued"):
        client.download(export["id"], tmp_path / "orders.xlsx")
    lifecycle.pause(ExportJob.objects.get())
    with pytest.raises(WaitedTooLong):
        client.wait(export["id"], timeout=0.1)
    lifecycle.cancel(ExportJob.objects.get())
    with pytest.raises(ExportNotReady, match="Cancelled"):
        client.wait(export["id"], timeout=5)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7), ("Sat, 21 Nov 1998 18:00:00 GMT", 0), ("soon", None), ("", None), ("-3", None)],
)
def test_when_to_come_back_is_read_as_seconds_or_as_a_date(told: str, seconds: Any) -> None:
    found = retry_after(httpx.Headers({"Retry-After": told}))
    assert found is None if seconds is None else math.isclose(found or 0, seconds)
