"""Spool and result files: private, written under a fence, fsynced, renamed, then committed.

A file that a worker is writing is called `<name>.f<fence>.part`. Only names that the database has
committed are ever read, so what a killed worker leaves behind is litter, never data.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, storages

from exportapp.conf import conf
from exportapp.exceptions import FileDamaged, LeaseLost, VerificationFailed, WorkInterrupted
from exportapp.jobs.digests import Beat, Following, has_digest, sha256_and_crc32, silent, xxh3
from exportapp.jobs.written import Written
from exportapp.models import ExportJob

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
NAME = re.compile(r"(?:shard-(?P<shard>\d+)|.+)\.f(?P<fence>\d+)\.\w+(?:\.gz)?(?:\.part)?")
"""A file that we wrote: `shard-00001.f3.arrow`, `orders.f2.xlsx`, with or without `.part`."""


class PrivateFileStorage(FileSystemStorage):
    """A folder that only its owner can read, without URLs: files leave through checked views."""

    def __init__(self, location: str | os.PathLike[str] | None = None, **options: Any) -> None:
        options.setdefault("file_permissions_mode", FILE_MODE)
        options.setdefault("directory_permissions_mode", DIRECTORY_MODE)
        super().__init__(location=location, **options)

    def url(self, name: str | None) -> str:
        raise ValueError("Export files have no URL: they are downloaded through a checked view.")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there: its path as it would be committed, and seconds since its last byte."""

    path: str
    age: float
    written_by: tuple[int, int] | None
    """The shard (0 for the job itself) and the fence of who wrote it; None for no name of ours."""


def folder(job: ExportJob) -> Path:
    """The job's own folder, made private whatever the umask."""
    path = _root() / str(job.pk)
    _make_private(path)
    if path.stat().st_mode & 0o777 != DIRECTORY_MODE:
        path.chmod(DIRECTORY_MODE)
    return path


@contextlib.contextmanager
def writing(
    job: ExportJob, name: str, fence: int, *, for_others: bool = False
) -> Iterator[Written]:
    """Write `<stem>.f<fence><suffix>` of `job`; it has its name only when all of it is on disk.

    A file `for_others` gets a SHA-256 and a CRC-32, which they know too; one that only we read
    again gets an XXH3, which is computed several times as fast. Raises OSError when the disk is
    full or away; then nothing is left behind.
    """
    stem, suffix = _split(name)
    final = folder(job) / f"{stem}.f{fence}{suffix}"
    part = final.with_name(final.name + ".part")
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(part, flags, FILE_MODE), "w+b") as file:
            # A umask can take bits of the owner's away as well.
            os.fchmod(file.fileno(), FILE_MODE)
            with Following(file) if for_others else contextlib.nullcontext() as following:
                written = Written(file, f"{job.pk}/{final.name}", following=following)
                yield written
                file.flush()
                written.size = os.fstat(file.fileno()).st_size
                if following:
                    following.settle(written.size)
                else:
                    written.digest = xxh3(file)
                os.fsync(file.fileno())
                if following:
                    written.digest, written.crc32 = following.digests()
        os.replace(part, final)
        _sync_directory(final.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def opened(path: str, digest: str, beat: Beat = silent) -> BinaryIO:
    """A committed file, after proving that it is what was committed.

    Raises FileDamaged when it is missing or its digest differs, and what `beat` raises meanwhile.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(local_path(path), "rb"))
        except FileNotFoundError as error:
            raise FileDamaged(f"{path} is missing from the export storage.") from error
        if not has_digest(file, digest, beat):
            raise FileDamaged(f"{path} is not what was committed: its digest differs.")
        stack.pop_all()
        return file


def crc32_of(path: str) -> int:
    """The CRC-32 of a committed file, for one that was committed without it."""
    with open(local_path(path), "rb") as file:
        return sha256_and_crc32(file)[1]


@contextlib.contextmanager
def kept_if_committed(*paths: str) -> Iterator[None]:
    """Remove the files again when the commit inside is refused, or they are not to be committed."""
    try:
        yield
    except (FileDamaged, LeaseLost, VerificationFailed, WorkInterrupted):
        for path in paths:
            remove(path)
        raise


def remove(path: str) -> None:
    """Delete one file; it may be gone already."""
    if path:
        local_path(path).unlink(missing_ok=True)


def remove_except(job: ExportJob, keep: set[str]) -> int:
    """Delete every file of `job` but those whose paths are in `keep`; returns how many."""
    removed = 0
    for found in folder(job).iterdir():
        if f"{job.pk}/{found.name}" not in keep:
            found.unlink(missing_ok=True)
            removed += 1
    return removed


def remove_folder(job_id: uuid.UUID) -> bool:
    """Delete the folder of a job that need not exist any more; False when there is none.

    Raises OSError when something in it cannot be removed.
    """
    try:
        shutil.rmtree(_root() / str(job_id))
    except FileNotFoundError:
        return False
    return True


def folders() -> Iterator[tuple[uuid.UUID, timedelta]]:
    """The folders of jobs that there are, with the time since something in them changed."""
    for found in list(_root().iterdir()) if _root().is_dir() else ():
        # Not a job's, or gone meanwhile.
        with contextlib.suppress(ValueError, FileNotFoundError):
            age = time.time() - found.stat().st_mtime
            yield uuid.UUID(found.name), timedelta(seconds=age)


def contents(job_id: uuid.UUID) -> Iterator[Found]:
    """The files in the folder of a job, committed or not."""
    for entry in os.scandir(_root() / str(job_id)):
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - entry.stat().st_mtime
            yield Found(f"{job_id}/{entry.name}", age, _writer(entry.name))


def local_path(path: str) -> Path:
    """Where a committed file is on this machine. Raises FileDamaged for a path that leads out."""
    root = _root()
    # The folder may be reached through a link of whoever runs the machine, a file never.
    if not (root / path).resolve().is_relative_to(root.resolve()):
        raise FileDamaged(f"{path} is not in the export storage.")
    return root / path


def _root() -> Path:
    storage = storages[conf.STORAGE]
    if not isinstance(storage, FileSystemStorage):
        raise ImproperlyConfigured(
            f"STORAGES['{conf.STORAGE}'] must be a file system storage that all workers share, "
            "such as exportapp.jobs.files.PrivateFileStorage."
        )
    return Path(storage.location)


def _make_private(path: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        # Another worker may be quicker. A umask takes bits away, also those of the owner.
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        folder.chmod(DIRECTORY_MODE)


def _split(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name.removesuffix(".gz"))
    return stem, name.removeprefix(stem)


def _writer(name: str) -> tuple[int, int] | None:
    found = NAME.fullmatch(name)
    return (int(found["shard"] or 0), int(found["fence"])) if found else None


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
