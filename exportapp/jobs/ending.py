"""What follows the last shard: to another storage, back to the merge, or the good end."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from exportapp.jobs.announce import announce
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import Lease, worker_name
from exportapp.jobs.transitions import expiry, show
from exportapp.models import ExportJob
from exportapp.states import JobState


def leave_to(job: ExportJob, lease: Lease, target: JobState, message: str, **changes: Any) -> None:
    """Let go of the whole job in its next state, in one transaction with the word about it.

    Raises LeaseLost and WorkInterrupted.
    """
    with transaction.atomic():
        before = job.status
        lease.commit(target, **changes)
        moved = Happened.MOVED, message
        record(job, *moved, worker=worker_name(), before=before, after=target)
        transaction.on_commit(lambda: show(job))


def succeed(job: ExportJob, lease: Lease, **changes: Any) -> None:
    """The same with the end, and with what everybody is told of it."""
    with transaction.atomic():
        said = gettext_noop("the file is in its place")
        ended = {"finished_at": Now(), "expires_at": expiry()}
        leave_to(job, lease, JobState.SUCCEEDED, said, **ended, **changes)
        announce(job, JobState.SUCCEEDED)
