"""One moment of the database for all workers of an export.

The worker that plans the export holds a snapshot, and the job's lease with it, until every shard
is extracted, and extracts shards itself meanwhile. If it goes before that, so does the snapshot,
and whoever claims the job next starts over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.db import Error
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import SnapshotLost, SnapshotTooOld, WorkInterrupted
from exportapp.jobs.heartbeat import Heartbeat, stop_requested
from exportapp.jobs.leases import PROGRESS, Lease
from exportapp.jobs.plan import plan
from exportapp.jobs.progress import Anchors
from exportapp.jobs.pulse import kept_alive
from exportapp.jobs.recall import recall
from exportapp.jobs.reconcile import recover
from exportapp.jobs.startover import is_read, start_over, wants_holder
from exportapp.jobs.waiting import held_up
from exportapp.models import ExportJob
from exportapp.tables.snapshots import Held, ViewerAt, held

LOOK_SECONDS: Final = 0.1
"""How soon a holder with nothing to extract sees that the others are done."""

Extract = Callable[[Callable[[], None]], bool]
"""Extracts one shard, if one is free, with a sign of life that is given at each batch."""


def hold(job: ExportJob, lease: Lease, extract_one: Extract) -> None:
    """Plan the job in a snapshot and hold that until all rows are read or nobody wants them.

    Raises SnapshotLost, SnapshotTooOld, LeaseLost and WorkInterrupted.
    """
    start_over(job, lease)
    Anchors(job.pk).rebuild()
    found = recall(job)[0]
    with held(found.alias, conf.SNAPSHOT_SECONDS) as snapshot, _named(lease, snapshot.name):
        keeper = Keeper(job, lease, snapshot)
        viewer = ViewerAt.of(found.viewer, snapshot.connection)
        with kept_alive(lease, keeper):
            plan(job, lease, recall(job, viewer), keeper)
            _see_through(job, keeper, extract_one)
    lease.release(**(PROGRESS if is_read(job) else {}))


class Keeper(Heartbeat):
    """The sign of life for the lease on the job, and for the snapshot."""

    def __init__(self, job: ExportJob, lease: Lease, snapshot: Held) -> None:
        super().__init__(job, lease, Anchors(job.pk))
        self._snapshot = snapshot
        self._begun = self._asked = time.monotonic()

    def __call__(self, rows: int = 0) -> None:
        """Raises SnapshotTooOld and SnapshotLost as well."""
        super().__call__(rows)
        now = time.monotonic()
        if now - self._begun > conf.SNAPSHOT_SECONDS:
            raise SnapshotTooOld(
                _(
                    "Not all rows were read within {seconds} s, the longest that a snapshot "
                    "is held (EXPORTAPP_SNAPSHOT_SECONDS)."
                ).format(seconds=conf.SNAPSHOT_SECONDS)
            )
        if now - self._asked >= conf.LEASE_SECONDS / 3:
            self._snapshot.require()
            self._asked = now

    def beside(self) -> None:
        """The same from within a shard, which is not to blame for what takes too long."""
        try:
            self()
        except SnapshotTooOld as error:
            raise WorkInterrupted(str(error)) from error

    def require_held(self) -> None:
        """Raises SnapshotLost when another worker found that it is gone."""
        if self.job.snapshot_id != self._snapshot.name or self.job.fence != self.lease.fence:
            raise SnapshotLost(_("Another worker found the snapshot gone."))


@contextmanager
def _named(lease: Lease, name: str) -> Iterator[None]:
    """Tell the others its name; while they can read it, it is there."""
    lease.update(snapshot_id=name, error_code="", error="")
    try:
        yield
    finally:
        with suppress(Error):
            lease.piece.mine(lease.fence).update(snapshot_id="")


def _see_through(job: ExportJob, keeper: Keeper, extract_one: Extract) -> None:
    looked = time.monotonic()
    while True:
        keeper()
        job.refresh_from_db()
        if not wants_holder(job):
            return
        keeper.require_held()
        if not held_up(job) and extract_one(keeper.beside):
            continue
        if time.monotonic() - looked >= conf.LEASE_SECONDS / 3:
            # With the command there may be no reconciler, and this loop does not end without.
            recover(job)
            looked = time.monotonic()
        stop_requested.wait(LOOK_SECONDS)
