"""How much room exports take, and how much there is."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Sum

from exportapp.jobs import files
from exportapp.models import ExportFile
from exportapp.states import JobState

MOST_FOLDERS: Final = 2_000
"""How many folders of exports are looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Of the storage, in bytes."""

    used: int
    """By the folders of exports; at least this much where `is_whole` is false."""
    results: int
    """By finished files, as the database has it."""
    free: int
    is_whole: bool

    @property
    def spool(self) -> int:
        """What is on its way, and what nobody names."""
        return max(0, self.used - self.results)


def disk() -> Disk | None:
    """None where the folder is not there, or cannot be read."""
    ready = ExportFile.objects.filter(job__status=JobState.SUCCEEDED, storage="")
    results = ready.aggregate(size=Sum("size"))["size"] or 0
    try:
        root = files.local_path("")
        used, is_whole = _used()
        return Disk(
            used=used, results=results, free=shutil.disk_usage(root).free, is_whole=is_whole
        )
    except (OSError, ImproperlyConfigured):
        return None


def _used() -> tuple[int, bool]:
    folders = files.folders()
    used = sum(_size(str(job_id)) for job_id, _ in islice(folders, MOST_FOLDERS))
    return used, next(folders, None) is None


def _size(folder: str) -> int:
    size = 0
    # What is removed meanwhile takes no room.
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(files.local_path(folder)):
            with contextlib.suppress(FileNotFoundError):
                size += entry.stat().st_size
    return size
