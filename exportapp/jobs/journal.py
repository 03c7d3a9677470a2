"""Events of a job: a row for people and one JSON log line for machines."""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from typing import Any

from exportapp.models import ExportEvent, ExportJob, ExportShard

log = logging.getLogger("exportapp")


class Happened(StrEnum):
    ASKED = "asked"
    MOVED = "moved"
    RESUMED = "resumed"
    PLANNED = "planned"
    EXTRACTED = "extracted"
    LAID_OUT = "laid_out"
    RENDERED = "rendered"
    MERGED = "merged"
    RELEASED = "released"
    RETRIED = "retried"
    REFUSED = "refused"
    RECOVERED = "recovered"
    DAMAGED = "damaged"
    FAILED = "failed"
    WOKEN = "woken"
    DOWNLOADED = "downloaded"
    CLEANED = "cleaned"
    ALARM = "alarm"


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
    """Keep one event of `job`; `data` must be plain JSON."""
    fence = shard.fence if shard else job.fence
    number = shard.number if shard else None
    line = {"event": kind, "job": str(job.pk), "shard": number, "fence": fence, "worker": worker}
    log.info("%s", json.dumps(line | {"message": message} | data, default=str))
    return ExportEvent.objects.create(
        job=job,
        kind=kind,
        message=message[:1000],
        shard=number,
        fence=fence,
        worker=worker,
        user=user if user is not None and user.pk else None,
        data=data,
    )
