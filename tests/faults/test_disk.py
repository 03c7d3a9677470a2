"""A disk that is full, read-only, or that loses a folder, in the middle of exports.

Where we may not mount a small disk of our own, a limit on the size of files stands for a full one
(tests/jobs/test_work_ended_early.py, tests/management/test_export_excel.py).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.apps import OBEDIENT
from tests.faults.held import holders
from tests.faults.plant import Plant
from tests.faults.processes import kill
from tests.faults.proof import require_right, require_tidy

BuildPlant = Callable[..., Plant]

FILLER = "filler"


def may_mount() -> bool:
    """Whether this process may: root of a container often may not."""
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@pytest.fixture(scope="module")
def plant(build_plant: BuildPlant) -> Plant:
    plant = build_plant(orders=300)
    plant.env[OBEDIENT] = "1"
    plant.watch()
    return plant


@pytest.fixture(scope="module")
def small_disk(plant: Plant) -> Iterator[Path]:
    """The exports are on a disk of their own."""
    if not (shutil.which("unshare") and may_mount()):
        pytest.skip("no right to mount a disk")
    disk = plant.house.exports
    disk.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture(autouse=True)
def _one_worker(plant: Plant) -> Iterator[None]:
    plant.hire(1)
    yield
    plant.disarm()
    mend(plant.house.exports)


def mend(disk: Path) -> None:
    """What a test that failed did not take back."""
    if disk.is_mount():
        remount(disk, "rw")
    if disk.exists():
        disk.chmod(0o700)
    (disk / FILLER).unlink(missing_ok=True)


def fill(disk: Path) -> None:
    """Take the last page of it."""
    descriptor = os.open(disk / FILLER, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        os.close(descriptor)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


def require_failed(plant: Plant, job: str, code: str, words: str) -> None:
    assert plant.wait_until_ended(job) == "failed"
    ((found, error),) = plant.house.rows(
        "SELECT error_code, error FROM exportapp_exportjob WHERE id = %s", [job]
    )
    assert found == code and words in error


def require_resumed(plant: Plant, job: str) -> None:
    """It goes on where it was, and what was finished is not made again."""
    kinds = ("extracted", "rendered")
    before = {kind: plant.made(job, kind) for kind in kinds}
    plant.resume(job)
    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_right(plant, job)
    for kind in kinds:
        assert plant.made(job, kind) == plant.made(job, kind) | before[kind]
        assert set(plant.made(job, kind).values()) == {1}


@pytest.mark.parametrize(
    ("point", "nth"), [("extracting_a_batch", 8), ("rendering_a_batch", 8), ("in_merge", 2)]
)
def test_an_export_whose_disk_is_full_stops_and_goes_on_when_there_is_room(
    plant: Plant, small_disk: Path, point: str, nth: int
) -> None:
    job, worker = plant.freeze(point, nth)
    fill(small_disk)
    kill(worker, signal.SIGCONT)

    require_failed(plant, job, "enospc", "No space left")
    require_tidy(plant, job)

    (small_disk / FILLER).unlink()
    require_resumed(plant, job)


@pytest.mark.parametrize("nth", [1, 4])
def test_an_export_whose_disk_is_read_only_stops_and_goes_on_when_it_is_not(
    plant: Plant, small_disk: Path, nth: int
) -> None:
    job, worker = plant.freeze("before_claim", nth)
    remount(small_disk, "ro")
    kill(worker, signal.SIGCONT)

    require_failed(plant, job, "erofs", "Read-only file system")
    remount(small_disk, "rw")
    if nth > 1:
        require_tidy(plant, job)
    require_resumed(plant, job)


@pytest.mark.parametrize(
    ("point", "nth", "mode"),
    [("before_claim", 1, 0o500), ("before_claim", 8, 0o000), ("in_merge", 2, 0o000)],
    ids=["making its folder", "rendering", "joining"],
)
def test_an_export_that_may_not_write_stops_and_goes_on_when_it_may(
    plant: Plant, point: str, nth: int, mode: int
) -> None:
    """Root as well: the processes of this plant have laid down what puts it above modes."""
    plant.house.exports.mkdir(mode=0o700, exist_ok=True)
    job, worker = plant.freeze(point, nth)
    plant.house.exports.chmod(mode)
    kill(worker, signal.SIGCONT)

    require_failed(plant, job, "eacces", "Permission denied")
    assert plant.events(job, "waiting") == [], "a person is asked at once"
    assert holders(plant) == set()
    # A file that was half written is still there: nobody had the right to remove it.
    plant.house.exports.chmod(0o700)
    require_resumed(plant, job)


@pytest.mark.parametrize(
    ("point", "nth"), [("extracting_a_batch", 8), ("rendering_a_batch", 8), ("in_merge", 2)]
)
def test_an_export_whose_folder_is_removed_makes_everything_again_by_itself(
    plant: Plant, point: str, nth: int
) -> None:
    job, worker = plant.freeze(point, nth)
    shutil.rmtree(plant.folder(job))
    kill(worker, signal.SIGCONT)

    assert plant.wait_until_ended(job) == "succeeded", plant.error(job)
    require_right(plant, job)
