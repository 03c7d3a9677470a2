"""Claim a notice that is due, send it, say so; again until none is due or the turn is over.

A claim puts it off until its sender counts as dead: of many workers one sends it, and one that
dies is followed by another. Between sending and saying so nothing is held in the database.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from rq.timeouts import JobTimeoutException

from exportapp.conf import conf
from exportapp.exceptions import NoticeRefused
from exportapp.jobs.delivery import require_sound
from exportapp.jobs.errors import backoff, describe, verdict
from exportapp.jobs.exclusive import first_in
from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.journal import Happened, Line, record
from exportapp.jobs.leases import worker_name
from exportapp.jobs.notices.channels import sender
from exportapp.jobs.verdicts import Action
from exportapp.jobs.wakeups import UPKEEP_SECONDS, wake_teller
from exportapp.models import MESSAGE, ExportNotice
from exportapp.states import JobState

log = logging.getLogger("exportapp")

TURN_SECONDS: Final = 30.0
"""Exports wait behind a turn: the rest is for the next."""

SENDING_SECONDS: Final = 120
"""How long one try may take before its sender counts as dead. More than all timeouts of one."""

BACKOFF_BASE: Final = 10.0
BACKOFF_CAP: Final = 3600.0


def tell(seconds: float = TURN_SECONDS) -> int:
    """Send the notices that are due; returns how many were sent."""
    ends, sent = time.monotonic() + seconds, 0
    while not stop_requested.is_set():
        if time.monotonic() >= ends:
            wake_teller()
            break
        notice = _claim_next()
        if notice is None:
            break
        sent += _deliver(notice)
    return sent


def wake_if_due() -> None:
    """Call for a turn where notices wait and their wake-up was lost, or their back-off is over."""
    if _pushed().due().exists() and first_in(UPKEEP_SECONDS, "tell"):
        wake_teller()


def claim(notice: ExportNotice) -> bool:
    """Take it as last read for SENDING_SECONDS, if it is still due."""
    mine = ExportNotice.objects.filter(pk=notice.pk, attempts=notice.attempts).due()
    until = Now() + timedelta(seconds=SENDING_SECONDS)
    taken = mine.update(attempts=F("attempts") + 1, not_before=until)
    notice.attempts += taken
    return bool(taken)


def _claim_next() -> ExportNotice | None:
    while notice := _pushed().due().order_by("not_before").first():
        # Another may have been quicker: look again.
        if claim(notice):
            return notice  # type: ignore[no-any-return]
    return None


def _pushed() -> Any:
    rows = ExportNotice.objects.exclude(channel=MESSAGE)
    return rows.select_related("job", "recipient").defer("job__manifest", "job__layout")


def _deliver(notice: ExportNotice) -> bool:
    try:
        _require_true(notice)
        sender(notice.channel)(notice)
    except Exception as error:
        _failed(notice, error)
        if isinstance(error, JobTimeoutException):
            raise
        return False
    with transaction.atomic():
        done = _mine(notice).update(sent_at=Now(), error="")
        if done:
            _note(notice, Happened.NOTIFIED, notice.channel)
    return bool(done)


def _require_true(notice: ExportNotice) -> None:
    """Nobody is told what is so no more, nor of a file that is not there.

    Raises NoticeRefused for the first, FileDamaged (tried again) or FileExpired for the second.
    """
    if notice.outcome != notice.job.status:
        raise NoticeRefused(
            _("The export is “{state}” by now.").format(state=notice.job.state.label)
        )
    if notice.outcome == JobState.SUCCEEDED:
        require_sound(notice.job)


def _failed(notice: ExportNotice, error: Exception) -> None:
    found, why = verdict(error), describe(error)
    mine = _mine(notice)
    deadline = Now() - timedelta(seconds=conf.NOTICE_SECONDS)
    if found.action == Action.RETRY and mine.filter(created_at__gt=deadline).exists():
        wait = timedelta(seconds=backoff(notice.attempts - 1, BACKOFF_BASE, BACKOFF_CAP))
        mine.update(not_before=Now() + wait, error=why[:1000])
        log.info(Line(event="notice_retried", notice=str(notice.pk), message=why))
        return
    with transaction.atomic():
        if mine.update(given_up_at=Now(), error=why[:1000]):
            said = f"{notice.channel} was given up: {why}"
            _note(notice, Happened.UNNOTIFIED, said, code=found.code)
            log.warning(Line(event="notice_given_up", notice=str(notice.pk), message=why))


def _mine(notice: ExportNotice) -> Any:
    return ExportNotice.objects.filter(pk=notice.pk, attempts=notice.attempts).open()


def _note(notice: ExportNotice, kind: Happened, message: str, **data: Any) -> None:
    data |= {"channel": notice.channel, "notice": str(notice.pk), "attempts": notice.attempts}
    record(notice.job, kind, message, worker=worker_name(), **data)
