"""The workbooks that foreign readers open, made by real exports of rows full of traps."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib import admin
from django.test import override_settings

from exportapp.jobs import lifecycle
from exportapp.jobs.files import local_path
from exportapp.jobs.work import step, work
from exportapp.models import ExportJob
from exportapp.states import JobState
from exportapp.tables.columns import Column
from exportapp.tables.selection import Operator, Selection, Viewer
from tests.gallery.models import Tag
from tests.readers.traps import COLUMNS, ROWS

MODES: dict[str, dict[str, Any]] = {
    "inline": {},
    "auto": {"strings": "auto"},
    "shared": {"strings": "shared"},
    "compact": {"compact": True},
}
"""The options that files are made with."""

SHEET_ROWS = 25
SHARD_ROWS = 9
"""Five shards, one of which goes on from the first sheet to the second."""

site = admin.AdminSite("traps")


@dataclass(frozen=True)
class Files:
    several_sheets: Path
    one_sheet: Path
    shard: Path
    """The third of several: it has the end of one sheet and the beginning of the next."""

    def __iter__(self):
        return iter((self.several_sheets, self.one_sheet, self.shard))


@admin.register(Tag, site=site)
class TrapAdmin(admin.ModelAdmin):
    """Row n has the n-th trap of each column; a short column begins again."""

    ordering = ("pk",)

    def _value(self, traps: list[Any], tag: Tag) -> Any:
        return traps[int(tag.name) % len(traps)].value

    @property
    def export_columns(self) -> list[Column]:
        return [
            Column(partial(self._value, traps), title=title, kind=kind)
            for title, (kind, traps) in COLUMNS.items()
        ]


def make_files(folder: Path, mode: str) -> Files:
    """Needs an empty database, and leaves it empty."""
    options = MODES[mode]
    storage = {
        "BACKEND": "exportapp.jobs.files.PrivateFileStorage",
        "OPTIONS": {"location": folder},
    }
    Tag.objects.bulk_create([Tag(name=str(number)) for number in range(ROWS)])
    try:
        with override_settings(STORAGES={"exports": storage}, EXPORTAPP_SHARD_ROWS=SHARD_ROWS):
            one = _asked("one", options)
            _finish(one)
            with override_settings(EXPORTAPP_SHEET_ROWS=SHEET_ROWS):
                several = _asked("several", options)
                shard = _third_shard(several)
                _finish(several)
            return Files(_result(several), _result(one), shard)
    finally:
        ExportJob.objects.all().delete()
        Tag.objects.all().delete()


def _asked(name: str, options: dict[str, Any]) -> ExportJob:
    viewer = Viewer(user=Operator(), language="en", time_zone="Europe/Berlin")
    selection = Selection(source="gallery.Tag", site=site.name)
    job, _ = lifecycle.create(selection, viewer, request_key=name, options=options, queue=False)
    # Readers that convert name what they write after the file that they read.
    job.filename = f"{name}.xlsx"
    job.save(update_fields=["filename"])
    return job


def _third_shard(job: ExportJob) -> Path:
    """A copy: the shards of a finished export are removed."""
    while job.state != JobState.MERGING:
        assert step(job), job.error
    path = local_path(job.shards.get(number=3).xlsx_path)
    return Path(shutil.copy(path, path.parent.with_name("shard.xlsx")))


def _finish(job: ExportJob) -> None:
    work(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED, job.error


def _result(job: ExportJob) -> Path:
    return local_path(job.files.get().path)
