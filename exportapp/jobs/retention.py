"""Files go when their time is over. Any number of these may run at once, at any time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from exportapp.jobs import files
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import is_held
from exportapp.jobs.transitions import try_move
from exportapp.models import ExportJob
from exportapp.states import JobState

ORPHAN_AGE: Final = timedelta(days=1)
"""A folder without a job is left alone this long: its job may be in a transaction still open."""


def expire() -> int:
    """Remove what nobody may fetch or resume any more; returns how many exports and orphans."""
    due = ExportJob.objects.filter(expires_at__lte=Now()).exclude(status=JobState.EXPIRED)
    return sum(_expire(job) for job in due) + _remove_orphans()


def _expire(job: ExportJob) -> bool:
    # A stale worker may still be writing: its lease ends first, then its files go.
    if is_held(job):
        return False
    # First the state, so that nobody is handed a file that is about to go.
    if not try_move(job, JobState.EXPIRED, "its time is over"):
        return False
    files.remove_all(job)
    record(job, Happened.CLEANED, "all files removed")
    return True


def _remove_orphans() -> int:
    """Folders whose job is gone from the database; found by looking, not by trust in the books."""
    folders = {name: age for name, age in files.folders() if age > ORPHAN_AGE}
    known = ExportJob.objects.filter(pk__in=folders).values_list("pk", flat=True)
    orphans = folders.keys() - set(known)
    for job_id in orphans:
        files.remove_folder(job_id)
    return len(orphans)
