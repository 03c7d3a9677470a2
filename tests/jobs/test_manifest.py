from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exportapp.exceptions import FileUnknown, IllegalTransition
from exportapp.jobs import delivery, lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.retention import expire
from exportapp.models import ExportJob, ExportShard
from exportapp.tables.selection import Operator, Selection, Viewer
from project.shop.models import Order
from tests.gallery.models import Artist, Country, Mural, Print
from tests.jobs.conftest import finish
from tests.jobs.test_retention import overdue

Orders = Callable[[int], None]
Ask = Callable[..., ExportJob]


@pytest.fixture
def split(settings: Any) -> None:
    settings.EXPORTAPP_SHARD_ROWS = 40
    settings.EXPORTAPP_SHEET_ROWS = 100
    settings.EXPORTAPP_WORKBOOK_BYTES = 1


def manifest_of(job: ExportJob) -> dict[str, Any]:
    told = json.loads(delivery.manifest_of(job))
    assert isinstance(told, dict)
    return told


@pytest.mark.usefixtures("split")
def test_it_tells_files_sheets_rows_and_digests(orders: Orders, ask: Ask) -> None:
    orders(250)
    job = ask(order=("pk",))
    finish(job)
    told = manifest_of(job)

    assert (told["v"], told["export"]) == (1, str(job.pk))
    assert told["rows"] == {"planned": 250, "extracted": 250, "rendered": 250, "in_file": 250}
    assert [file["name"] for file in told["files"]] == [f"orders-{n}.xlsx" for n in (1, 2, 3)]
    assert [file["rows"] for file in told["files"]] == [100, 100, 50]
    for file, row in zip(told["files"], job.files.all(), strict=True):
        data = local_path(row.path).read_bytes()
        assert (file["size"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert [sheet["rows"] for sheet in file["sheets"]] == [file["rows"]]
    assert told["issues"] == {}
    assert told["verified"] is None


@pytest.mark.usefixtures("split")
@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_it_tells_the_first_and_the_last_key_of_each_file(
    orders: Orders, ask: Ask, settings: Any, reader: str
) -> None:
    orders(253)
    settings.EXPORTAPP_READER = reader
    # The key is no column here; ranges have 40 rows, so that files begin and end within them.
    job = ask(order=("-pk",), columns=("number",))
    keys = list(Order.objects.order_by("-pk").values_list("pk", flat=True))
    gone = slice(99, 102)
    Order.objects.filter(pk__in=keys[gone]).delete()
    del keys[gone]
    finish(job)

    files = manifest_of(job)["files"]
    ends = [(0, 99), (100, 199), (200, 249)]
    wanted = [{"first": keys[low], "last": keys[high]} for low, high in ends]
    assert [file["keys"] for file in files] == wanted
    assert [sheet["keys"] for file in files for sheet in file["sheets"]] == wanted


@pytest.mark.parametrize("reader", ["auto", "orm"])
def test_keys_are_numbers_or_texts_and_others_are_not_told(
    transactional_db: None, operator: Viewer, settings: Any, reader: str
) -> None:
    settings.EXPORTAPP_READER = reader
    for code in ("no", "de"):
        Country.objects.create(code=code, name=code)
    prints = sorted((Print.objects.create(series="a", number=n) for n in range(3)), key=str)
    mural = Mural.objects.create(title="m", artist=Artist.objects.create(name="a"), wall="north")
    wanted = {
        "Country": {"first": "de", "last": "no"},
        "Print": {"first": str(prints[0].pk), "last": str(prints[-1].pk)},
        "Mural": {"first": mural.pk, "last": mural.pk},
        "Passport": None,
    }
    for model, keys in wanted.items():
        order = ("code",) if model == "Country" else ()
        selection = Selection(source=f"gallery.{model}", order=order)
        job, _ = lifecycle.create(selection, operator, queue=False)
        finish(job)
        assert [file["keys"] for file in manifest_of(job)["files"]] == [keys], model


def test_it_tells_what_was_asked_by_whom_and_with_what(
    orders: Orders, operator: Viewer, settings: Any
) -> None:
    orders(20)
    selection = Selection(source="shop.Order", query={"status": ["paid"]}, columns=("number",))
    job, _ = lifecycle.create(selection, operator, options={"verify": True}, queue=False)
    finish(job)
    told = manifest_of(job)

    asked = told["asked"]
    assert (asked["source"], asked["by"]) == ("shop.Order", "operator")
    assert asked["selection"]["query"] == {"status": ["paid"]}
    assert (asked["language"], asked["time_zone"]) == ("en", "UTC")
    assert (asked["policy"], asked["consistency"]) == ("blank", "live")
    assert (asked["options"]["verify"], asked["options"]["format"]) == (True, "xlsx")
    assert [column["key"] for column in told["columns"]] == ["number"]
    assert told["spec_fingerprint"] == job.spec_fingerprint
    assert told["versions"]["python"] == platform.python_version()
    assert told["versions"]["pyarrow"] and told["versions"]["Django"]


def test_it_tells_what_was_read_back(orders: Orders, operator: Viewer) -> None:
    orders(20)
    selection = Selection(source="shop.Order", columns=("number",), order=("pk",))
    job, _ = lifecycle.create(selection, operator, options={"verify": True}, queue=False)
    finish(job)
    told = manifest_of(job)

    assert (told["verified"]["rows"], told["verified"]["cells"]) == (20, 20)
    texts = "".join(
        f"s:{n}\0" for n in Order.objects.order_by("pk").values_list("number", flat=True)
    )
    ((sheet,),) = (file["sheets"] for file in told["files"])
    assert sheet["checksums"] == {"number": hashlib.sha256(texts.encode()).hexdigest()}


def test_it_stays_as_it_is_when_shards_and_files_are_gone(orders: Orders, ask: Ask) -> None:
    orders(20)
    job = ask()
    finish(job)
    before = delivery.manifest_of(job)
    overdue(job)
    assert expire() == 1
    ExportShard.objects.filter(job=job).delete()
    job.refresh_from_db()
    assert delivery.deliver_manifest(job, Operator()).content.pieces == (before,)


def test_there_is_none_before_the_end_and_of_exports_of_before_there_were_any(
    orders: Orders, ask: Ask
) -> None:
    orders(20)
    job = ask()
    with pytest.raises(IllegalTransition, match="Queued"):
        delivery.manifest_of(job)
    finish(job)
    ExportJob.objects.filter(pk=job.pk).update(manifest="")
    job.refresh_from_db()
    with pytest.raises(FileUnknown):
        delivery.manifest_of(job)


def test_the_zip_of_an_older_export_is_right_without_manifest_and_crc(
    orders: Orders, ask: Ask, split: None, tmp_path: Path
) -> None:
    orders(150)
    job = ask()
    finish(job)
    job.files.update(crc32=None)
    ExportJob.objects.filter(pk=job.pk).update(manifest="")
    job.refresh_from_db()
    content = delivery.deliver(job, Operator()).content
    target = tmp_path / "all.zip"
    target.write_bytes(b"".join(content.read(0, content.size)))
    with zipfile.ZipFile(target) as found:
        assert found.testzip() is None
        assert len(found.namelist()) == job.files.count() == 2
