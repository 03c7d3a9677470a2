"""Who works on what: claims, renewals and hand-backs.

A claim is one guarded UPDATE on the database's clock. It adds 1 to the piece's fence, and every
later write of that worker says `WHERE fence = mine`.
"""

from __future__ import annotations

import functools
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.exceptions import LeaseLost, WorkInterrupted
from exportapp.models import ExportJob, ExportShard
from exportapp.states import RELEASED, WORKING, JobState, ShardState

UNHELD: dict[str, Any] = {"lease_until": None, "worker": ""}
PROGRESS: dict[str, Any] = {"attempts": 0, "lost_leases": 0, "failing_since": None}
"""What progress makes good."""
NO_ERROR: dict[str, Any] = {"not_before": None, "error_code": "", "error": ""}
SETTLED: dict[str, Any] = UNHELD | PROGRESS | NO_ERROR


@dataclass(slots=True)
class Lease:
    """A piece that this worker holds as long as `fence` is the newest.

    Each method raises LeaseLost when it is not, and WorkInterrupted when it is but the piece was
    told to stop in the meantime.
    """

    piece: ExportJob | ExportShard
    fence: int

    def renew(self, **changes: Any) -> None:
        until = Now() + timedelta(seconds=conf.LEASE_SECONDS)
        self._require(self.piece.mine(self.fence).update(lease_until=until, **changes))

    def extend(self) -> bool:
        """Renew it beside the work; False when it was handed back or is another's."""
        until = Now() + timedelta(seconds=conf.LEASE_SECONDS)
        held = self.piece.mine(self.fence).exclude(lease_until=None)
        return bool(held.update(lease_until=until))

    def update(self, **changes: Any) -> None:
        """Write to the piece and keep it."""
        self._require(self.piece.mine(self.fence).update(**changes))

    def commit(self, target: JobState | ShardState, **changes: Any) -> None:
        """Write the result, move on and let go, in one UPDATE."""
        written = SETTLED | changes
        self._require(self.piece.mine(self.fence).move_to(target, **written))
        if isinstance(self.piece, ExportJob):
            # Others write to it whoever holds it.
            self.piece.refresh_from_db()
            return
        for name, value in {"status": target, **written}.items():
            setattr(self.piece, name, value)

    def release(self, **changes: Any) -> None:
        """Hand the piece back so that anyone may claim it.

        A commit whose answer was lost stands; one that was rolled back changed `piece` all the
        same: only the database knows what there is to hand back.
        """
        changes = UNHELD | changes
        held = self.piece.mine(self.fence).exclude(lease_until=None)
        if isinstance(self.piece, ExportShard):
            moves = ((held.filter(status=claimed), free) for claimed, free in RELEASED.items())
            self._require(sum(rows.move_to(free, **changes) for rows, free in moves))
        else:
            self._require(held.update(**changes))

    def _require(self, rows: int) -> None:
        if rows:
            return
        if self.piece.mine(self.fence).exists():
            self.piece.refresh_from_db()
            raise WorkInterrupted(f"{self.piece} is {self.piece.status}")
        raise LeaseLost(f"{self.piece} is held by another worker (fence over {self.fence}).")


def claim_job(job: ExportJob) -> Lease | None:
    """Take the whole job, to plan or to merge it."""
    job.refresh_from_db()
    if job.state not in WORKING:
        # Whoever comes late would keep the one who ended it from cleaning up.
        return None
    fence = job.claim(worker_name(), conf.LEASE_SECONDS)
    return _held(job, fence)


def claim_shard(job: ExportJob, state: ShardState) -> Lease | None:
    """Take the first free shard of `job` that is in `state` (pending or extracted).

    None where the job moved since it was read, too: the claim itself asks, so that whoever goes on
    with the same job need not read it again for each shard.
    """
    shard = ExportShard.objects.claim_first(job, state, worker_name(), conf.LEASE_SECONDS)
    return Lease(shard, shard.fence) if shard else None


def _held(piece: Any, fence: int | None) -> Lease | None:
    if fence is None:
        return None
    piece.refresh_from_db()
    return Lease(piece, fence)


def free_lost_shards(job: ExportJob) -> list[ExportShard]:
    """Take shards back from workers that gave no sign of life; returns those shards."""
    freed = []
    for shard in ExportShard.objects.filter(job=job, status__in=RELEASED).exclude(lease_until=None):
        lost = shard.mine(shard.fence)
        if not is_dead_neighbour(shard.worker):
            lost = lost.lost()
        changes = UNHELD | {"fence": F("fence") + 1, "lost_leases": F("lost_leases") + 1}
        if lost.move_to(shard.released_state, **changes):
            freed.append(shard)
    return freed


def free_lost_job(job: ExportJob) -> bool:
    """Take the job's own lease (plan, merge) back from a worker that is gone."""
    job.refresh_from_db()
    if job.lease_until is None:
        return False
    lost = job.mine(job.fence)
    if not is_dead_neighbour(job.worker):
        lost = lost.lost()
    changes = UNHELD | {"fence": F("fence") + 1, "lost_leases": F("lost_leases") + 1}
    return bool(lost.update(**changes))


def is_held(job: ExportJob) -> bool:
    """Whether a worker holds the job or any of its shards."""
    held_shards = ExportShard.objects.filter(job=job).held()
    return ExportJob.objects.filter(pk=job.pk).held().exists() or held_shards.exists()


def worker_name() -> str:
    """This process, so that others on this host can tell whether it is alive."""
    return f"{_host()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead_neighbour(worker: str) -> bool:
    """Whether `worker` ran on this host and is certainly gone, so its lease need not run out.

    A wrong answer costs a repeated shard, never a wrong row: the fence decides.
    """
    host, _, process = worker.rpartition("/")[0].rpartition("/")
    return host == _host() and _started(int(process)) != worker.rpartition("/")[2]


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty when it is gone.

    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime). Process numbers are used
    again, and a dead child that nobody reaped still has one.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


@functools.cache
def _host() -> str:
    # Process numbers mean nothing outside their namespace, and containers can share a host name.
    # Where there is no /proc, no neighbour can be known to be dead: make every host different.
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return f"{socket.gethostname()}/{uuid.uuid4()}"
