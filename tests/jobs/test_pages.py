"""What stays in the kernel's memory of the files between reading and the end."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exportapp.jobs import merge
from exportapp.jobs.files import local_path
from exportapp.jobs.pages import unneeded
from exportapp.models import ExportJob, ExportShard
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows

Orders = Callable[[int], None]
Ask = Callable[..., ExportJob]


def resident(path: Path) -> int:
    """Pages of a file that are in memory. Source: mincore(2)."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        with mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE) as mapped:
            pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            begin = ctypes.c_char.from_buffer(mapped)
            libc = ctypes.CDLL(None, use_errno=True)
            failed = libc.mincore(ctypes.byref(begin), ctypes.c_size_t(size), pages)
            del begin
    assert not failed, os.strerror(ctypes.get_errno())
    return sum(page & 1 for page in pages)


def of_all(job: ExportJob, kind: str) -> int:
    shards = ExportShard.objects.filter(job=job)
    return sum(resident(local_path(getattr(shard, f"{kind}_path"))) for shard in shards)


@pytest.fixture(autouse=True)
def _frees_pages(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with path.open("wb") as file:
        file.write(bytes(100_000))
        file.flush()
        os.fsync(file.fileno())
        unneeded(file)
    if resident(path):
        pytest.skip("this file system has its files in memory alone")


def test_rows_that_are_rendered_and_shards_that_are_joined_make_room(
    orders: Orders, ask: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(3000)
    settings.EXPORTAPP_SHARD_ROWS = 1000
    job = ask()
    step_until(job, "rendering")
    assert of_all(job, "arrow") > 50
    step_until(job, "merging")
    assert of_all(job, "arrow") == 0
    assert of_all(job, "xlsx") > 20
    commit, left = merge._commit, []

    def looked(job: ExportJob, *args: Any) -> None:
        left.append(of_all(job, "xlsx"))
        commit(job, *args)

    monkeypatch.setattr(merge, "_commit", looked)
    assert data_rows(finish(job)) == order_rows()
    assert left == [0]


def test_what_is_read_again_stays(
    orders: Orders, ask_verified: Ask, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(3000)
    settings.EXPORTAPP_SHARD_ROWS = 1000
    settings.EXPORTAPP_OPTIONS = {"strings": "shared"}
    job = ask_verified()
    step_until(job, "merging")
    assert of_all(job, "arrow") > 50
    let_go: list[str] = []

    def noted(file: Any) -> None:
        let_go.append(file.name)
        unneeded(file)

    monkeypatch.setattr(merge, "unneeded", noted)
    needed = [local_path(shard.xlsx_path) for shard in job.shards.order_by("number")]
    assert data_rows(finish(job)) == order_rows()
    # Each has its rows and its texts: they are joined one after the other.
    assert [Path(name) for name in let_go] == needed
