"""A finished export looked at once more, long after: as far as what is left of it allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any

from exportapp.exceptions import FileDamaged, VerificationFailed
from exportapp.jobs.delivery import finished_files
from exportapp.jobs.files import opened
from exportapp.jobs.journal import Happened, alarm, record
from exportapp.jobs.objects.fetch import on_this_machine
from exportapp.jobs.options import XLSX
from exportapp.jobs.verify import compare_checksums, verify
from exportapp.models import ExportFile, ExportJob, ExportShard


class Compared(StrEnum):
    """What a file was held against, the strongest first."""

    CELLS = "every cell with the rows that were read"
    COLUMNS = "every column with its checksum in the manifest"
    COUNTS = "SHA-256 and the number of rows; the rows themselves are not kept"
    BYTES = "SHA-256 only: nothing here reads it back"


def recheck(job: ExportJob, user: Any) -> Compared:
    """Compare the files of `job` with what is known of them, and note what came of it.

    A file that differs is not handed out any more, and a person is called. Raises
    VerificationFailed then, and IllegalTransition and FileExpired where there are no files.
    """
    files = finished_files(job)
    try:
        compared = _compare_here(job, files)
    except VerificationFailed as error:
        to_blame = [file for file in files if error.file in (None, file.number)]
        for file in to_blame:
            record(job, Happened.DAMAGED, str(error), user=user, file=file.number)
        alarm(job, "verify", str(error))
        raise
    for file in files:
        said = f"{file.filename}: {compared}"
        record(job, Happened.VERIFIED, said, user=user, file=file.number, compared=compared.name)
    return compared


def _compare_here(job: ExportJob, files: Sequence[ExportFile]) -> Compared:
    try:
        with on_this_machine(job, files) as here:
            return _compare(job, here)
    except FileDamaged as error:
        # One that is elsewhere, or was.
        raise VerificationFailed(str(error)) from error


def _compare(job: ExportJob, files: Sequence[ExportFile]) -> Compared:
    for file in files:
        try:
            opened(file.path, file.sha256).close()
        except FileDamaged as error:
            raise VerificationFailed(f"{file.filename}: {error}", file.number) from error
    if find_spec("python_calamine") is None or not all(map(_is_workbook, files)):
        return Compared.BYTES
    try:
        verify(job, files, _rows_of, lambda: None)
    except FileDamaged:
        # The shards were cleaned up, as they are after the end.
        return _compare_without_rows(job, files)
    return Compared.CELLS


def _compare_without_rows(job: ExportJob, files: Sequence[ExportFile]) -> Compared:
    known = [_checksums(job, file) for file in files]
    for file, checksums in zip(files, known, strict=True):
        compare_checksums(job, files, file.number, checksums)
    return Compared.COLUMNS if all(known) else Compared.COUNTS


def _checksums(job: ExportJob, file: ExportFile) -> dict[str, dict[str, str]] | None:
    """By sheet title and column key; None where the export was not verified when it was made."""
    if not job.manifest:
        return None
    told = json.loads(job.manifest)["files"][file.number - 1]["sheets"]
    if not all("checksums" in sheet for sheet in told):
        return None
    return {sheet["title"]: sheet["checksums"] for sheet in told}


def _rows_of(shard: ExportShard) -> Any:
    return opened(shard.arrow_path, shard.arrow_digest)


def _is_workbook(file: ExportFile) -> bool:
    return PurePath(file.filename).suffix == f".{XLSX}"
