"""Every change of a job's state goes through here: the guarded UPDATE, its event, its anchor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.exceptions import ExportError
from exportapp.jobs.announce import announce
from exportapp.jobs.journal import Happened, alarm, record
from exportapp.jobs.leases import is_held, worker_name
from exportapp.jobs.progress import Anchors, control_word
from exportapp.jobs.snapshot import take_snapshot
from exportapp.jobs.verdicts import Layer
from exportapp.models import ExportJob
from exportapp.states import STOPPED_AS, STOPPING, JobState

AWAKE: Final[dict[str, Any]] = {"waiting_for": "", "not_before": None}
"""A job in another state waits for nothing that it waited for before."""


def move_job(
    job: ExportJob, target: JobState, message: str = "", *, user: Any = None, **changes: Any
) -> None:
    """Move `job` along an edge of the state table.

    Raises IllegalTransition when another process was quicker or there is no such edge.
    """
    with transaction.atomic():
        before = job.status
        job.move_to(target, **AWAKE | changes)
        record(job, Happened.MOVED, message, user=user, before=before, after=target)
        transaction.on_commit(lambda: show(job))


def show(job: ExportJob) -> None:
    """Bring the anchors in line with the job's state, so that workers hear of it at once."""
    Anchors(job.pk).show(status=job.status, control=control_word(job.status))


def try_move(job: ExportJob, target: JobState, message: str = "", **changes: Any) -> bool:
    """Like move_job, for moves that any worker may make: False when another one made it."""
    with transaction.atomic():
        before = job.status
        rows = ExportJob.objects.filter(pk=job.pk, status=before)
        moved = rows.move_to(target, **AWAKE | changes)
        job.refresh_from_db()
        if moved:
            worker = worker_name()
            record(job, Happened.MOVED, message, worker=worker, before=before, after=target)
            transaction.on_commit(lambda: show(job))
            # Reading begins again where it was resumed, or where a file was damaged.
            again = target == JobState.EXTRACTING and "started_at" not in changes
            announce(job, target, is_first=not again)
    return bool(moved)


def settle(job: ExportJob) -> bool:
    """End a pause or cancel that was asked for, once nobody holds a piece any more."""
    job.refresh_from_db()
    if job.state not in STOPPING or is_held(job):
        return False
    kept = {"expires_at": expiry()} if job.state == JobState.CANCELLING else {}
    return try_move(job, STOPPED_AS[job.state], gettext_noop("nobody works on it any more"), **kept)


def fail(
    job: ExportJob,
    code: str,
    error: str,
    *,
    shard: int | None = None,
    layer: str = "",
    cause: BaseException | None = None,
) -> bool:
    """Stop the export for a person to look at; finished shards stay, and a snapshot of the failure.

    A merge that fails raises an alarm: all the work is done and takes its room on the disk.
    """
    job.refresh_from_db()
    if JobState.FAILED not in job.state.can:
        return False
    said = error
    if shard is not None:
        said = _("shard {number}: {error}").format(number=shard, error=error)
    merging, uploading = job.state == JobState.MERGING, job.state == JobState.UPLOADING
    lost = merging and (layer == Layer.UNKNOWN or code == ExportError.code)
    told = {
        "error_code": code,
        "error": said,
        "error_snapshot": take_snapshot(job, code, error, shard=shard, cause=cause),
        "finished_at": Now(),
        "expires_at": _hopeless_expiry() if lost else expiry(),
    }
    with transaction.atomic():
        failed = try_move(job, JobState.FAILED, said, **told)
        if failed and merging:
            alarm(
                job, "merge", _("The file could not be put together: {error}").format(error=error)
            )
        elif failed and uploading:
            said = _("The finished file could not be carried to its storage: {error}")
            alarm(job, "upload", said.format(error=error))
    return failed


def expiry() -> Any:
    """When what is kept of a job that ends now is removed, on the database's clock."""
    return Now() + timedelta(days=conf.RETENTION_DAYS)


def _hopeless_expiry() -> Any:
    """When shards go that were found not to fit together: they are of use to an engineer only."""
    return Now() + timedelta(seconds=conf.KEEP_FAILED_SECONDS)
