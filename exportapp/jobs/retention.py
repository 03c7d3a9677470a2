"""Files go when their time is over. Any number of these may run at once, at any time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.jobs import files
from exportapp.jobs.journal import Happened, alarm, is_alarmed, record
from exportapp.jobs.leases import is_held
from exportapp.jobs.objects.removal import FAILURES, remove_objects, sweep_objects
from exportapp.jobs.transitions import try_move
from exportapp.models import ExportFile, ExportJob, ExportNotice, ExportShard
from exportapp.states import JobState

ORPHAN_AGE: Final = timedelta(days=1)
"""A folder without a job is left alone this long: its job may be in a transaction still open."""


def expire(renew: Callable[[], None] = lambda: None) -> int:
    """Remove what nobody may fetch or resume any more; returns of how many exports.

    `renew` is called before each, as a sign of life.
    """
    due = ExportJob.objects.filter(expires_at__lte=Now()).exclude(status=JobState.EXPIRED)
    expired = 0
    for job in due:
        renew()
        expired += _expire(job)
    return expired


def sweep(renew: Callable[[], None] = lambda: None) -> int:
    """Remove files and folders that nothing in the database names; returns how many.

    Found by looking at the storage, not by trust in the books.
    """
    removed = 0
    for job_id, age in files.folders():
        renew()
        job = ExportJob.objects.filter(pk=job_id).first()
        if job is None:
            removed += age > ORPHAN_AGE and files.remove_folder(job_id)
        elif job.state == JobState.EXPIRED:
            removed += remove_all(job)
        else:
            removed += _remove_strays(job)
    return removed + sweep_objects(ORPHAN_AGE, renew)


def remove_all(job: ExportJob) -> bool:
    """Remove the folder of an export that is expired, and what somebody was still to be told.

    Where that fails a person is called, and it is tried again after KEEP_FAILED_SECONDS.
    """
    # What became of them is among the events.
    ExportNotice.objects.filter(job=job).delete()
    if is_alarmed(job, "expire"):
        return False
    try:
        removed = files.remove_folder(job.pk) + remove_objects(job)
    except FAILURES as error:
        alarm(job, "expire", f"The files could not be removed: {error}", error=str(error))
        return False
    if removed:
        record(job, Happened.CLEANED, gettext_noop("all files removed"))
    return removed > 0


def _expire(job: ExportJob) -> bool:
    # A stale worker may still be writing: its lease ends first, then its files go.
    if is_held(job):
        return False
    # First the state, so that nobody is handed a file that is about to go.
    if not try_move(job, JobState.EXPIRED, gettext_noop("its time is over")):
        return False
    remove_all(job)
    return True


def _remove_strays(job: ExportJob) -> int:
    """Files that were never committed, by a holder who holds nothing any more."""
    # Before the database is asked: what is committed or claimed meanwhile is younger.
    found = [file for file in files.contents(job.pk) if file.age > conf.LEASE_SECONDS]
    if not found:
        return 0
    keep, writing = _committed(job), _in_hand(job)
    strays = [
        file.path for file in found if file.path not in keep and file.written_by not in writing
    ]
    for path in strays:
        files.remove(path)
    if strays:
        record(job, Happened.CLEANED, f"{len(strays)} stray files removed")
    return len(strays)


def _committed(job: ExportJob) -> set[str]:
    shards = ExportShard.objects.filter(job=job).values_list("arrow_path", "xlsx_path")
    results = ExportFile.objects.filter(job=job, storage="").values_list("path", flat=True)
    return {path for paths in shards.iterator() for path in paths} | set(results)


def _in_hand(job: ExportJob) -> set[tuple[int, int]]:
    """Shard (0 for the job) and fence of every piece that somebody holds."""
    shards = ExportShard.objects.filter(job=job).held().values_list("number", "fence")
    jobs = ExportJob.objects.filter(pk=job.pk).held().values_list("fence", flat=True)
    return {*shards, *((0, fence) for fence in jobs)}
