"""A finished file on its way to a person, before any face has made a response of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.db import transaction
from django.utils.translation import gettext as _

from exportapp.exceptions import FileDamaged, NotAllowed
from exportapp.jobs.files import local_path
from exportapp.jobs.lifecycle import downloaded
from exportapp.jobs.rights import may_download, may_see, require_columns, require_export
from exportapp.models import ExportJob
from exportapp.tables.sources import find_source

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a workbook. Source: IANA media types registry, ECMA-376 part 1."""

HEADERS: Final = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""What every response with a file says: rows of one person are kept by nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    path: Path
    filename: str
    """What the person's copy is called."""
    size: int
    """In bytes."""
    sha256: str
    """Of the whole file, in hex: the validator of an ETag."""
    content_type: str = XLSX

    def open(self) -> BinaryIO:
        """Raises FileDamaged when the file is gone."""
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise _damaged(self.filename) from error


def deliver(job: ExportJob, user: Any, number: int = 1) -> Delivery:
    """File `number` of `job` for `user`, with a note that they took it.

    Raises NotAllowed when the right to the rows is gone, IllegalTransition while the file is not
    ready, and FileDamaged when it is missing or its size is not what was committed (FileExpired
    after its time, FileUnknown for a number there is none of). The digest is not computed again
    here: it takes seconds for a large file, and whoever gets it can.
    """
    require_download(user, job)
    # What turns out to be damaged was not taken: the note goes back with the transaction.
    with transaction.atomic():
        file = downloaded(job, number, user=user)
        path = local_path(file.path)
        if not path.is_file() or path.stat().st_size != file.size:
            raise _damaged(file.filename)
    return Delivery(path=path, filename=file.filename, size=file.size, sha256=file.sha256)


def require_download(user: Any, job: ExportJob) -> None:
    """Ask the right to the rows of `job` again. Raises NotAllowed."""
    source = find_source(job.selection["source"], job.selection["site"])
    if not may_download(user, job, source):
        require_export(user, source)
        if may_see(user, job):
            require_columns(user, job, source)
        raise NotAllowed(_("This export was made for somebody else."))


def _damaged(filename: str) -> FileDamaged:
    return FileDamaged(f"{filename} is not what was committed, or gone. Make the export again.")
