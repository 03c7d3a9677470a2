"""What everybody is told of a job's move: rows in its transaction, signals after its commit."""

from __future__ import annotations

import functools
import logging
from typing import Any, Final

from django.db import transaction
from django.dispatch import Signal

from exportapp.jobs.errors import describe
from exportapp.jobs.journal import Line
from exportapp.jobs.notices.booking import book
from exportapp.models import ExportJob
from exportapp.signals import export_failed, export_started, export_succeeded
from exportapp.states import JobState

log = logging.getLogger("exportapp")

SIGNALS: Final = {
    JobState.EXTRACTING: export_started,
    JobState.SUCCEEDED: export_succeeded,
    JobState.FAILED: export_failed,
}


def announce(job: ExportJob, target: JobState, *, is_first: bool = True) -> None:
    """Call it in the transaction in which `job` became `target`; not `is_first` sends no signal."""
    book(job, target)
    if target in SIGNALS and is_first:
        send_signal(SIGNALS[target], job, user=job.requested_by)


def send_signal(signal: Signal, job: ExportJob, **arguments: Any) -> None:
    """Send it once the transaction is committed. Nothing that a receiver does comes back here."""
    if signal.has_listeners(ExportJob):
        transaction.on_commit(functools.partial(_send, signal, job, arguments))


def _send(signal: Signal, job: ExportJob, arguments: dict[str, Any]) -> None:
    try:
        # A copy: what receivers do to it must not reach whoever works on.
        found = ExportJob.objects.get(pk=job.pk)
        answers = signal.send_robust(sender=ExportJob, job=found, **arguments)
    except Exception as error:
        log.error(Line(event="unsignalled", job=str(job.pk), message=describe(error)))
        return
    for receiver, answer in answers:
        if isinstance(answer, Exception):
            said = {"receiver": repr(receiver), "message": describe(answer)}
            log.error(Line(event="receiver_failed", job=str(job.pk), **said))
