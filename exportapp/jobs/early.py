"""A finished shard on its way to a person, before the export is ready: a valid file by itself."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from exportapp.exceptions import FileDamaged, FileExpired, FileUnknown, IllegalTransition
from exportapp.jobs.content import Content, FilePiece
from exportapp.jobs.delivery import Delivery, require_download
from exportapp.jobs.filenames import safe_filename
from exportapp.jobs.files import local_path
from exportapp.jobs.formats import format_of
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState


def deliver_shard(job: ExportJob, user: Any, number: int) -> Delivery:
    """The file of shard `number` of `job` for `user`, its rows at their final places.

    Raises NotAllowed when the right to the rows is gone, FileUnknown for a number there is none
    of, IllegalTransition while it is not written, FileExpired once the shards are removed, and
    FileDamaged when its file is missing or has another size than was committed.
    """
    require_download(user, job)
    shard = _written(job, number)
    path = local_path(shard.xlsx_path)
    if not path.is_file() or path.stat().st_size != shard.xlsx_size:
        raise FileDamaged(
            _("The file of shard {number} is not what was committed, or gone.").format(
                number=number
            )
        )
    shape = format_of(job)
    ending = shape.extension
    return Delivery(
        filename=safe_filename(f"{job.filename.removesuffix(ending)}-{number:05}{ending}"),
        content=Content((FilePiece(path, shard.xlsx_size),)),
        digest=shard.xlsx_digest,
        content_type=shape.content_type,
        taken=f"shard {number}",
        path=path,
    )


def has_shards(job: ExportJob) -> bool:
    """Whether the files of the shards that are written are there still, as far as is known."""
    return job.state not in (JobState.SUCCEEDED, JobState.EXPIRED)


def _written(job: ExportJob, number: int) -> ExportShard:
    shard: ExportShard | None = ExportShard.objects.filter(job=job, number=number).first()
    if shard is None:
        raise FileUnknown(_("The export has no shard {number}.").format(number=number))
    if job.state == JobState.EXPIRED:
        raise FileExpired
    if not has_shards(job):
        raise FileExpired(_("The export is ready and its shards are removed: take the file."))
    if shard.state != ShardState.RENDERED:
        raise IllegalTransition(
            _("Shard {number} is “{state}”; its file is not there yet.").format(
                number=number, state=shard.state.label
            )
        )
    return shard
