"""Files that are elsewhere, back on this machine for as long as somebody reads them here."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from exportapp.jobs import files as here
from exportapp.jobs.objects.places import objects_in
from exportapp.models import ExportFile, ExportJob


@contextlib.contextmanager
def on_this_machine(job: ExportJob, files: Sequence[ExportFile]) -> Iterator[list[ExportFile]]:
    """The same files, each with a path in our own storage; copies are removed afterwards.

    Raises FileDamaged for one that is gone, and what its storage raises.
    """
    with contextlib.ExitStack() as stack:
        yield [_near(job, file, stack) if file.storage else file for file in files]


def _near(job: ExportJob, file: ExportFile, stack: contextlib.ExitStack) -> ExportFile:
    name = f"copy-{file.number}{''.join(PurePath(file.filename).suffixes[-2:])}"
    with here.writing(job, name, job.fence) as written:
        for block in objects_in(file.storage).read(file.path, 0, file.size):
            written.file.write(block)
    stack.callback(here.remove, written.path)
    near = copy.copy(file)
    near.storage, near.path = "", written.path
    return near
