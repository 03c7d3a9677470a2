"""What becomes of a piece whose work did not end well: the one place that catches its errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pyarrow
from django.core.exceptions import ObjectDoesNotExist
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import translation
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.exceptions import FileDamaged, LeaseLost, SnapshotLost, WorkInterrupted
from exportapp.jobs.breaker import Breaker, all_closed
from exportapp.jobs.errors import backoff, describe, verdict
from exportapp.jobs.extract import leave_out
from exportapp.jobs.heartbeat import Heartbeat, stop_requested
from exportapp.jobs.journal import Happened, alarm, record
from exportapp.jobs.leases import SETTLED, Lease, worker_name
from exportapp.jobs.merge import DamagedShard
from exportapp.jobs.objects.upload import DamagedResult, merge_again
from exportapp.jobs.progress import Anchors
from exportapp.jobs.recall import recall
from exportapp.jobs.startover import lose_snapshot
from exportapp.jobs.transitions import fail, settle, try_move
from exportapp.jobs.verdicts import Action, Resource, Verdict
from exportapp.jobs.waiting import go_on, needs, out_of_order, park
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState

PATIENT_TRIES: Final = 6
"""How often a hand-back is tried while the database is away: about half a minute."""


@dataclass(slots=True)
class Tried:
    well: bool = False
    """The piece is done, and nothing that it needed was out of order of late."""


@contextlib.contextmanager
def attempt(job: ExportJob, lease: Lease) -> Iterator[Tried]:
    """Do a piece under `lease`; whatever it raises, the piece is in a legal state afterwards.

    An interruption never counts as an attempt, nor does an error of something that is out of
    order for everybody. Errors that only a person can mend, and transient ones without end, fail
    the job; what is finished stays finished.
    """
    uses, tried = needs(job), Tried()
    # What is kept of its errors and its bad values is for the person who asked.
    with translation.override(job.language):
        try:
            try:
                yield tried
                tried.well = all_closed(uses.values())
                if not tried.well and [name for name in uses.values() if Breaker(name).worked()]:
                    go_on(job)
            except (KeyboardInterrupt, SystemExit) as error:
                _hand_back(job, lease, error)
                raise
            except Exception as error:
                _judge(job, lease, error, uses)
        except (LeaseLost, WorkInterrupted) as error:
            _note(job, lease, Happened.REFUSED, error)


def _judge(job: ExportJob, lease: Lease, error: Exception, uses: dict[Resource, str]) -> None:
    found = verdict(error)
    if found.action == Action.SKIP and _is_read(lease.piece):
        close_old_connections()
        try:
            _leave_out(job, lease, error, found)
            return
        except Exception as another:
            error, found = another, verdict(another, beside=error)
    broken = found.failed if found.failed and Breaker(uses[found.failed]).failed() else None
    waited = 0
    while True:
        close_old_connections()
        try:
            with transaction.atomic():
                _answer(job, lease, error, found, broken)
            return
        except (OperationalError, InterfaceError) as away:
            # The database of the pieces is the one that is away, or a part of what is. A lease
            # that is not handed back would count as a lost one, so it is waited for.
            if waited == PATIENT_TRIES or stop_requested.is_set() or not _may_pass(away, error):
                raise
            stop_requested.wait(backoff(waited))
            waited += 1


def _answer(
    job: ExportJob, lease: Lease, error: Exception, found: Verdict, broken: Resource | None
) -> None:
    shard = isinstance(lease.piece, ExportShard)
    if isinstance(error, LeaseLost):
        with contextlib.suppress(LeaseLost, WorkInterrupted):
            # Another's lease, perhaps: then this one is still held.
            lease.release()
        _note(job, lease, Happened.REFUSED, error)
    elif isinstance(error, WorkInterrupted | pyarrow.ArrowCancelled):
        _hand_back(job, lease, error)
    elif isinstance(error, SnapshotLost) and shard:
        lose_snapshot(job)
        _hand_back(job, lease, error)
    elif isinstance(error, DamagedShard):
        _roll_back(job, lease, error, found)
    elif isinstance(error, DamagedResult):
        _merge_again(job, lease, error, found)
    elif isinstance(error, FileDamaged) and shard:
        _extract_again(job, lease, error, found)
    elif broken:
        _set_aside(job, lease, error, found, broken)
    elif found.action == Action.RETRY and not _is_exhausted(lease):
        _try_again(job, lease, error, found)
    else:
        _give_up(job, lease, error, found)


def _is_read(piece: ExportJob | ExportShard) -> bool:
    return isinstance(piece, ExportShard) and piece.state == ShardState.EXTRACTING


def _leave_out(job: ExportJob, lease: Lease, error: Exception, found: Verdict) -> None:
    """The project's table says that a file without these rows is better than none."""
    beat = Heartbeat(job, lease, Anchors(job.pk), "extracted")
    what = {"layer": str(found.layer), "code": found.code}
    said = leave_out(job, lease, recall(job), beat, **what)
    alarm(job, f"{lease.piece}", f"{said}. {describe(error)}")


def _may_pass(away: Exception, error: Exception) -> bool:
    return verdict(away, beside=error).action == Action.RETRY


def _hand_back(job: ExportJob, lease: Lease, error: BaseException) -> None:
    lease.release()
    _note(job, lease, Happened.RELEASED, error)
    settle(job)


def _is_exhausted(lease: Lease) -> bool:
    """Whether a piece was tried often enough, or for long enough, without progress."""
    try:
        lease.piece.refresh_from_db(fields=["attempts"])
    except ObjectDoesNotExist as gone:
        raise LeaseLost(f"{lease.piece} was dropped.") from gone
    begun = Now() - timedelta(seconds=conf.RETRY_SECONDS)
    too_long = lease.piece.mine(lease.fence).filter(failing_since__lte=begun).exists()
    return too_long or lease.piece.attempts + 1 >= conf.MAX_ATTEMPTS


def _try_again(job: ExportJob, lease: Lease, error: Exception, found: Verdict) -> None:
    wait = backoff(lease.piece.attempts)
    lease.release(
        attempts=F("attempts") + 1,
        failing_since=Coalesce(F("failing_since"), Now()),
        not_before=Now() + timedelta(seconds=wait),
        error_code=found.code,
        error=describe(error),
    )
    _note(job, lease, Happened.RETRIED, error, seconds=round(wait, 2), layer=found.layer)


def _set_aside(
    job: ExportJob, lease: Lease, error: Exception, found: Verdict, broken: Resource
) -> None:
    """Nobody gets further with what is broken: the export waits, and no attempt is counted."""
    lease.release(failing_since=None, error_code=found.code, error=describe(error))
    pause = out_of_order(job, broken, conf.BREAKER_SECONDS)
    park(job, pause, code=found.code, error=describe(error))


def _give_up(job: ExportJob, lease: Lease, error: Exception, found: Verdict) -> None:
    with transaction.atomic():
        number = None
        if isinstance(lease.piece, ExportShard):
            number = lease.piece.number
            why = {"error_code": found.code, "error": describe(error)}
            lease.commit(ShardState.FAILED, **why)
        else:
            lease.release()
        _note(job, lease, Happened.FAILED, error, layer=found.layer, code=found.code)
        fail(job, found.code, describe(error), shard=number, layer=found.layer, cause=error)


def _roll_back(job: ExportJob, lease: Lease, error: DamagedShard, found: Verdict) -> None:
    """A shard was found damaged at merge: render that one again, nothing else."""
    shard = error.shard
    with transaction.atomic():
        lease.release()
        ExportShard.objects.filter(pk=shard.pk).move_to(ShardState.EXTRACTED, **SETTLED)
        record(job, Happened.DAMAGED, str(error), shard=shard, worker=worker_name())
        if _is_hopeless(job, shard):
            why = describe(error)
            fail(job, found.code, why, shard=shard.number, layer=found.layer, cause=error)
        else:
            try_move(job, JobState.RENDERING, gettext_noop("a shard was damaged and is made again"))


def _extract_again(job: ExportJob, lease: Lease, error: FileDamaged, found: Verdict) -> None:
    """An Arrow file is bad: its rows must come out of the database again.

    Then every count is open again, so the export goes back to reading. Shards whose place turns
    out to be the same keep their bytes.
    """
    with transaction.atomic():
        _note(job, lease, Happened.DAMAGED, error)
        if _is_hopeless(job, lease.piece):
            _give_up(job, lease, error, found)
            return
        lease.commit(ShardState.PENDING, arrow_path="", arrow_digest="")
        try_move(job, JobState.EXTRACTING, gettext_noop("rows of a damaged file are read again"))


def _merge_again(job: ExportJob, lease: Lease, error: DamagedResult, found: Verdict) -> None:
    with transaction.atomic():
        _note(job, lease, Happened.DAMAGED, error)
        if _is_hopeless(job):
            _give_up(job, lease, error, found)
        else:
            merge_again(job, lease)


def _is_hopeless(job: ExportJob, shard: Any = None) -> bool:
    """Whether its files were damaged MAX_ATTEMPTS times since a person saw to the export.

    `shard` is None for the finished ones. Making one anew passes for progress, which takes all
    counts of the shard back: events stay.
    """
    moves = job.events.filter(kind=Happened.MOVED, data__after=JobState.QUEUED)
    resumed = moves.order_by("pk").values_list("pk", flat=True).last() or 0
    damaged = job.events.filter(kind=Happened.DAMAGED, shard=shard and shard.number, pk__gt=resumed)
    return bool(damaged.count() >= conf.MAX_ATTEMPTS)


def _note(
    job: ExportJob, lease: Lease, kind: Happened, error: BaseException, **data: object
) -> None:
    shard = lease.piece if isinstance(lease.piece, ExportShard) else None
    worker = worker_name()
    record(job, kind, describe(error), shard=shard, worker=worker, **data)
