"""Rows of two moments never meet: what was read in a snapshot that is gone is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import SnapshotLost, WorkInterrupted
from exportapp.jobs import files
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import UNHELD, Lease, worker_name
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.states import JobState, ShardState

UNREAD: Final = (ShardState.PENDING, ShardState.EXTRACTING)


def wants_holder(job: ExportJob) -> bool:
    """Whether somebody has to hold the moment at which rows of `job` are still to be read."""
    wanted = job.is_of_one_moment and job.state == JobState.EXTRACTING
    return wanted and not is_read(job)


def is_read(job: ExportJob) -> bool:
    """Whether the rows of every shard there will be are read."""
    shards = ExportShard.objects.filter(job=job, status__in=UNREAD)
    return job.planned_at is not None and not shards.exists()


def start_over(job: ExportJob, lease: Lease) -> None:
    """Drop every shard, so that reading can begin in a snapshot that is still to be made.

    Raises WorkInterrupted when the last row was read meanwhile, and SnapshotLost when snapshots
    were lost MAX_ATTEMPTS times without all rows being read.
    """
    with transaction.atomic():
        died = {"attempts": F("attempts") + 1} if job.snapshot_id else {}
        # The job's row before the shards', as the layout does.
        lease.update(planned_at=None, layout=None, snapshot_id="", issues_counted={}, **died)
        before, planned_at = job.snapshot_id, job.planned_at
        job.refresh_from_db(fields=["status", "attempts"])
        shards = list(ExportShard.objects.select_for_update().filter(job=job))
        if planned_at and not _is_unread(job, shards):
            raise WorkInterrupted(_("all rows are read"))
        if before or shards:
            _drop(job, lease, shards)
    job.refresh_from_db()
    if job.attempts >= conf.MAX_ATTEMPTS:
        raise SnapshotLost(
            _("{count} snapshots were lost before all rows were read.").format(count=job.attempts)
        )


def lose_snapshot(job: ExportJob) -> None:
    """Take the job's lease from a holder whose snapshot is gone, be it alive or not."""
    holding = ExportJob.objects.filter(pk=job.pk, snapshot_id=job.snapshot_id)
    lost = {"snapshot_id": "", "fence": F("fence") + 1, "attempts": F("attempts") + 1}
    holding.exclude(snapshot_id="").update(**lost, **UNHELD)


def _is_unread(job: ExportJob, shards: Sequence[ExportShard]) -> bool:
    return job.state == JobState.EXTRACTING and any(shard.state in UNREAD for shard in shards)


def _drop(job: ExportJob, lease: Lease, shards: Sequence[ExportShard]) -> None:
    read = sum(bool(shard.arrow_path) for shard in shards)
    # Whoever is still at a shard that is dropped must not write under the name of a new one.
    highest = max([job.first_fence, *(shard.fence for shard in shards)])
    lease.update(first_fence=highest)
    ExportIssue.objects.filter(job=job).delete()
    ExportShard.objects.filter(job=job).delete()
    said = (
        "The snapshot that rows were read in is gone: they are all read again, at one new moment"
        f" ({read} of {len(shards)} shards were read)"
    )
    record(job, Happened.STARTED_OVER, said, worker=worker_name(), read=read, dropped=len(shards))
    paths = [path for shard in shards for path in (shard.arrow_path, shard.xlsx_path)]
    transaction.on_commit(partial(_remove, paths), robust=True)


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        files.remove(path)
