"""Files that nothing names, and who may read the others."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.jobs import files
from exportapp.jobs.leases import claim_job, claim_shard
from exportapp.jobs.retention import sweep
from exportapp.models import ExportEvent, ExportJob, ExportShard
from exportapp.states import ShardState
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


@pytest.fixture
def job(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Three shards, read and not yet written."""
    orders(30)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    step_until(job, "rendering")
    return job


def left_by_a_worker(job: ExportJob, name: str, age: float = 3600) -> Path:
    path = files.folder(job) / name
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_no_row_names_goes_and_what_is_committed_stays(job: ExportJob) -> None:
    for path in files.folder(job).iterdir():
        os.utime(path, (0, 0))
    strays = [
        left_by_a_worker(job, name)
        for name in (
            "shard-00001.f7.arrow",
            "shard-00002.f1.xlsx.part",
            "orders.f1.xlsx.part",
            "notes.txt",
        )
    ]
    assert sweep() == len(strays)
    assert not any(path.exists() for path in strays)
    assert ExportEvent.objects.get(job=job, kind="cleaned").message == "4 stray files removed"
    assert sweep() == 0
    assert data_rows(finish(job)) == order_rows()


def test_what_somebody_may_still_be_writing_stays(job: ExportJob) -> None:
    shard, whole = claim_shard(job, ShardState.EXTRACTED), claim_job(job)
    assert shard and whole
    # Old, because it stands still or its clock is another's: the lease says who writes it.
    held = [
        left_by_a_worker(job, f"shard-00001.f{shard.fence}.xlsx.part"),
        left_by_a_worker(job, f"orders.f{whole.fence}.xlsx.part"),
    ]
    before = left_by_a_worker(job, f"shard-00001.f{shard.fence - 1}.xlsx.part")
    young = left_by_a_worker(job, "shard-00002.f1.xlsx.part", age=conf.LEASE_SECONDS / 2)
    assert sweep() == 1
    assert all(path.exists() for path in [*held, young]) and not before.exists()
    past = Now() - timedelta(seconds=1)
    ExportJob.objects.update(lease_until=past)
    ExportShard.objects.update(lease_until=past)
    assert sweep() == 2, "their leases are over"


def test_a_result_is_not_taken_for_litter(job: ExportJob) -> None:
    path = finish(job)
    os.utime(path, (0, 0))
    assert sweep() == 0
    assert path.exists()


def test_what_a_kill_left_of_an_expired_export_goes(job: ExportJob) -> None:
    # It was killed between the state and the files.
    ExportJob.objects.update(status="expired")
    assert sweep() == 1
    assert not files.local_path(str(job.pk)).exists()
    assert sweep() == 0


def modes(root: Path) -> dict[str, str]:
    found = [root, *root.rglob("*")]
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in found}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_only_the_owner_reads_them_whatever_the_umask(
    orders: Orders, ask: Ask, settings: Any, tmp_path: Path, umask: int
) -> None:
    settings.FILE_UPLOAD_PERMISSIONS = 0o644
    settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o755
    settings.STORAGES["exports"]["OPTIONS"]["location"] = tmp_path / "above" / "exports"
    settings.STORAGES = dict(settings.STORAGES)
    orders(30)
    settings.EXPORTAPP_SHARD_ROWS = 10
    before = os.umask(umask)
    try:
        job = ask()
        step_until(job, "rendering")
        with files.writing(job, "orders.xlsx", 9) as written:
            part = oct(stat.S_IMODE(os.fstat(written.file.fileno()).st_mode))
        spool = modes(tmp_path / "above")
        finish(job)
    finally:
        os.umask(before)
    assert part == "0o600"
    for found in (spool, modes(tmp_path / "above")):
        folders = {name: mode for name, mode in found.items() if "." not in name}
        assert len(folders) == 3 and set(folders.values()) == {"0o700"}
        assert {mode for name, mode in found.items() if "." in name} == {"0o600"}


def test_a_file_that_django_saves_there_is_private_as_well(settings: Any) -> None:
    settings.FILE_UPLOAD_PERMISSIONS = 0o644
    storage: Any = storages["exports"]
    name = storage.save("folder/some.xlsx", ContentFile(b"x"))
    path = Path(storage.path(name))
    assert [stat.S_IMODE(found.stat().st_mode) for found in (path, path.parent)] == [0o600, 0o700]
