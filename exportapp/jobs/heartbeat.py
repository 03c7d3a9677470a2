"""The sign of life at each batch, and the word to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import WorkInterrupted
from exportapp.jobs.leases import Lease
from exportapp.jobs.progress import Anchors, control_word
from exportapp.models import ExportJob, ExportShard

stop_requested = threading.Event()
"""Set by the process's signal handlers: finish the batch, hand the lease back, go."""


class Heartbeat:
    """Keeps one lease alive while its piece is worked on.

    Called at every batch; at most once in BEAT_SECONDS it writes the anchor and reads the
    control word, in one round trip, and every third of a lease it renews the lease itself.
    """

    def __init__(
        self,
        job: ExportJob,
        lease: Lease,
        anchors: Anchors,
        phase: str = "",
        also: Callable[[], None] | None = None,
    ) -> None:
        """`also` is the sign of life of something else that this worker keeps meanwhile."""
        self.job, self.lease, self.anchors, self.phase = job, lease, anchors, phase
        self._also = also
        self._beaten = self._renewed = time.monotonic()
        self._rows = 0

    def __call__(self, rows: int = 0) -> None:
        """Report `rows` done of this piece.

        Raises WorkInterrupted when the worker or the job is to stop, and LeaseLost.
        """
        self._rows = rows
        if stop_requested.is_set():
            raise WorkInterrupted(_("the worker is shutting down"))
        if self._also:
            self._also()
        now = time.monotonic()
        if now - self._beaten < conf.BEAT_SECONDS:
            return
        self._beaten = now
        if now - self._renewed >= conf.LEASE_SECONDS / 3:
            self.lease.renew()
            self._renewed = now
        word = self._control(rows)
        if word:
            raise WorkInterrupted(f"the export is to {word}")

    @property
    def silence(self) -> float:
        """Seconds since the last sign of life."""
        return time.monotonic() - self._beaten

    def wait(self) -> None:
        """The same while nothing comes: as many rows are done as at the last call."""
        self(self._rows)

    def _control(self, rows: int) -> str:
        shard = self.lease.piece if isinstance(self.lease.piece, ExportShard) else None
        answer = self.anchors.beat(self.phase, rows, shard=shard, fence=self.lease.fence)
        if answer is None or answer.stale:
            # Redis is away, or knows a newer fence: the database is the truth in both cases.
            self.lease.renew()
        elif answer.control:
            return answer.control
        # Whoever pauses may have had no Redis to say so.
        return control_word(ExportJob.objects.values_list("status", flat=True).get(pk=self.job.pk))
