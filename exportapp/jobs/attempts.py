"""What becomes of a piece whose work did not end well: the one place that catches its errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pyarrow
from django.db import close_old_connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.exceptions import FileDamaged, LeaseLost, WorkInterrupted
from exportapp.jobs.errors import Verdict, backoff, describe, verdict
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import SETTLED, Lease, worker_name
from exportapp.jobs.merge import DamagedShard
from exportapp.jobs.transitions import fail, settle, try_move
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState


@contextlib.contextmanager
def attempt(job: ExportJob, lease: Lease) -> Iterator[None]:
    """Do a piece under `lease`; whatever it raises, the piece is in a legal state afterwards.

    An interruption never counts as an attempt. Errors that only a person can mend, and transient
    ones without end, fail the job; what is finished stays finished.
    """
    try:
        try:
            yield
        except LeaseLost as error:
            _note(job, lease, Happened.REFUSED, error)
        except (WorkInterrupted, pyarrow.ArrowCancelled) as error:
            # Arrow listens to SIGINT and SIGTERM itself while it parses, and hands them on.
            lease.release()
            _note(job, lease, Happened.RELEASED, error)
            settle(job)
        except DamagedShard as error:
            _roll_back(job, lease, error)
        except FileDamaged as error:
            _extract_again(job, lease, error)
        except Exception as error:
            close_old_connections()
            _judge(job, lease, error)
    except (LeaseLost, WorkInterrupted) as error:
        _note(job, lease, Happened.REFUSED, error)


def _judge(job: ExportJob, lease: Lease, error: Exception) -> None:
    found = verdict(error)
    if found.transient and lease.piece.attempts + 1 < conf.MAX_ATTEMPTS:
        wait = backoff(lease.piece.attempts)
        lease.release(
            attempts=F("attempts") + 1,
            not_before=Now() + timedelta(seconds=wait),
            error_code=found.code,
            error=describe(error),
        )
        _note(job, lease, Happened.RETRIED, error, seconds=round(wait, 2), layer=found.layer)
    else:
        _give_up(job, lease, error, found)


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
        fail(job, found.code, describe(error), shard=number)


def _roll_back(job: ExportJob, lease: Lease, error: DamagedShard) -> None:
    """A shard was found damaged at merge: render that one again, nothing else."""
    with transaction.atomic():
        lease.release()
        ExportShard.objects.filter(pk=error.shard.pk).move_to(ShardState.EXTRACTED, **SETTLED)
        record(job, Happened.DAMAGED, str(error), shard=error.shard, worker=worker_name())
        try_move(job, JobState.RENDERING, "a shard was damaged and is made again")


def _extract_again(job: ExportJob, lease: Lease, error: FileDamaged) -> None:
    """An Arrow file is bad: its rows must come out of the database again.

    Then every count is open again, so the export goes back to reading. Shards whose place turns
    out to be the same keep their bytes.
    """
    with transaction.atomic():
        lease.commit(ShardState.PENDING, arrow_path="", arrow_sha256="")
        _note(job, lease, Happened.DAMAGED, error)
        try_move(job, JobState.EXTRACTING, "rows of a damaged file are read again")


def _note(
    job: ExportJob, lease: Lease, kind: Happened, error: BaseException, **data: object
) -> None:
    shard = lease.piece if isinstance(lease.piece, ExportShard) else None
    worker = worker_name()
    record(job, kind, describe(error), shard=shard, worker=worker, **data)
