"""Events of a job: a row for people and one JSON log line for machines."""

from __future__ import annotations

import json
import logging
import re
import uuid
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.models import ExportEvent, ExportJob, ExportShard

log = logging.getLogger("exportapp")

TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
"""Version, trace id, parent id, flags. Source: W3C Trace Context, section 3.2.2."""


class Happened(StrEnum):
    ASKED = "asked"
    MOVED = "moved"
    PLANNED = "planned"
    EXTRACTED = "extracted"
    LAID_OUT = "laid_out"
    RENDERED = "rendered"
    MERGED = "merged"
    UPLOADED = "uploaded"
    RELEASED = "released"
    RETRIED = "retried"
    REFUSED = "refused"
    RECOVERED = "recovered"
    DAMAGED = "damaged"
    VERIFIED = "verified"
    STARTED_OVER = "started_over"
    FAILED = "failed"
    WOKEN = "woken"
    DOWNLOADED = "downloaded"
    NOTIFIED = "notified"
    UNNOTIFIED = "unnotified"
    CLEANED = "cleaned"
    ALARM = "alarm"
    WAITING = "waiting"
    WENT_ON = "went_on"


class Line(dict[str, Any]):
    """A log message with named parts.

    A formatter for JSON takes a mapping apart (python-json-logger does); any other writes it as
    text, and then it is JSON all the same. No text in it can begin a line of its own.
    """

    def __str__(self) -> str:
        return json.dumps(self, default=str)


def record(
    job: ExportJob,
    kind: Happened,
    message: str = "",
    *,
    shard: ExportShard | None = None,
    worker: str = "",
    user: Any = None,
    **data: Any,
) -> ExportEvent:
    """Keep one event of `job`; `data` must be plain JSON.

    A `user` without a row, such as the operator of the command line, is named in `data["by"]`.
    """
    fence = shard.fence if shard else job.fence
    number = shard.number if shard else None
    known = user if user is not None and user.pk else None
    if user is not None and known is None:
        data["by"] = str(user)
    log.info(
        Line(
            event=str(kind),
            job=str(job.pk),
            shard=number,
            fence=fence,
            worker=worker,
            trace_id=job.trace_id,
            user=known and known.pk,
            message=message,
            data=data,
        )
    )
    return ExportEvent.objects.create(
        job=job,
        kind=kind,
        message=message[:1000],
        shard=number,
        fence=fence,
        worker=worker,
        user=known,
        data=data,
    )


def alarm(job: ExportJob, about: str, message: str, **data: Any) -> bool:
    """Call a person, once in KEEP_FAILED_SECONDS for each thing it is `about`.

    What its words are to have in other languages, such as the `error`, is in `data`.
    """
    with transaction.atomic():
        # Of many that find the same at once, one is heard.
        ExportJob.objects.select_for_update().get(pk=job.pk)
        if is_alarmed(job, about):
            return False
        record(job, Happened.ALARM, message, about=about, **data)
    return True


def is_alarmed(job: ExportJob, about: str) -> bool:
    """Whether a person was called about it less than KEEP_FAILED_SECONDS ago."""
    since = Now() - timedelta(seconds=conf.KEEP_FAILED_SECONDS)
    alarms = ExportEvent.objects.filter(job=job, kind=Happened.ALARM, at__gt=since)
    return bool(alarms.filter(data__about=about).exists())


def trace_id(traceparent: str | None) -> str:
    """The trace id of a `traceparent` header, or a new one; 32 hexadecimal digits."""
    found = TRACEPARENT.match(traceparent or "")
    if found and int(found[1], 16) and int(found[2], 16) and _ends_well(found):
        return found[1]
    return uuid.uuid4().hex


def _ends_well(found: re.Match[str]) -> bool:
    """Version 00 ends with its flags; a later one may go on behind a dash."""
    rest = found.string[found.end() :]
    return not rest or (rest.startswith("-") and not found.string.startswith("00"))
