"""The last piece of an export whose files have their place elsewhere: carry them there, and end it.

Each file is an object under a name with the fence of who sent it, and in the database before the
export has succeeded: a worker that comes late can neither hand out nor overwrite anything.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from exportapp.exceptions import FileDamaged
from exportapp.jobs.ending import leave_to, succeed
from exportapp.jobs.files import opened
from exportapp.jobs.formats import format_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import PROGRESS, Lease, worker_name
from exportapp.jobs.objects.places import objects_in, results_alias
from exportapp.jobs.objects.sending import Sending
from exportapp.models import ExportFile, ExportJob, ExportUpload
from exportapp.states import JobState


class DamagedResult(FileDamaged):
    """A finished file is not what was put together, and must be put together again."""

    code = "result_damaged"


def upload(job: ExportJob, lease: Lease, beat: Heartbeat) -> None:
    """Carry every file that is still here to the storage of the results, then end the job.

    Raises DamagedResult, what the storage raises, LeaseLost and WorkInterrupted; what has arrived
    is not sent again.
    """
    alias = results_alias()
    if alias:
        for file in job.files.filter(storage=""):
            _prove(file, beat)
            _carry(job, Sending(file, alias, format_of(job).content_type, lease, beat))
    succeed(job, lease)


def merge_again(job: ExportJob, lease: Lease) -> None:
    """Drop what was put together; the shards are there, and a merge makes it anew."""
    said = gettext_noop("a file was found damaged before it was carried away")
    leave_to(job, lease, JobState.MERGING, said)
    # Where uploads of it were begun, the storage's own list says so.
    job.files.filter(storage="").delete()


def _carry(job: ExportJob, sending: Sending) -> None:
    name = objects_in(sending.alias).put(sending)
    file = sending.file
    with transaction.atomic():
        sending.lease.update(**PROGRESS)
        ExportFile.objects.filter(pk=file.pk).update(storage=sending.alias, path=name)
        ExportUpload.objects.filter(file=file).delete()
        told: dict[str, Any] = {"storage": sending.alias, "bytes": file.size}
        told |= {"file": file.number, "worker": worker_name()}
        record(job, Happened.UPLOADED, file.filename, **told)


def _prove(file: ExportFile, beat: Heartbeat) -> None:
    """A large file takes long to read: whoever pauses or cancels does not wait for its end."""
    try:
        opened(file.path, file.sha256, beat).close()
    except FileDamaged as error:
        raise DamagedResult(str(error)) from error
