"""Where a finished file is: on this machine, or in another storage; and that it is there."""

from __future__ import annotations

import logging

from django.utils.translation import gettext as _

from exportapp.exceptions import FileDamaged, StorageRefused, StorageUnavailable
from exportapp.jobs.content import FilePiece, ObjectPiece
from exportapp.jobs.errors import describe
from exportapp.jobs.files import local_path
from exportapp.jobs.journal import Line
from exportapp.jobs.objects.places import objects_in
from exportapp.models import ExportFile

log = logging.getLogger("exportapp")


def place_of(file: ExportFile) -> FilePiece | ObjectPiece:
    """Raises FileDamaged where it is not there, or of another size than was committed."""
    if file.storage:
        return _elsewhere(file)
    path = local_path(file.path)
    if not path.is_file() or path.stat().st_size != file.size:
        raise damaged(file.filename)
    return FilePiece(path, file.size)


def _elsewhere(file: ExportFile) -> ObjectPiece:
    try:
        objects = objects_in(file.storage)
        size = objects.size(file.path)
    except (StorageUnavailable, StorageRefused) as error:
        # What it says, with addresses of the inside, is for the log.
        log.error(Line(event="undelivered", job=str(file.job_id), message=describe(error)))
        told = _("The storage of the file does not answer as it should. Try again in a minute.")
        raise StorageUnavailable(told) from error
    if size != file.size:
        raise damaged(file.filename)
    return ObjectPiece(objects, file.path, file.size)


def damaged(filename: str) -> FileDamaged:
    return FileDamaged(
        _("{name} is not what was committed, or gone. Make the export again.").format(name=filename)
    )
