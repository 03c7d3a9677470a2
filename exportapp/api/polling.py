"""Looking at an export again and again: what has not changed is not sent, and when to come back.

Source: RFC 9110, 8.8.3 (weak validators), 10.2.3 (Retry-After), 13.1.2 (If-None-Match).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.http import parse_etags
from django.utils.translation import get_language

from exportapp.jobs.status import Status
from exportapp.models import ExportJob
from exportapp.states import ACTIVE, JobState

SOONEST: Final = 1
LATEST: Final = 10
UNKNOWN: Final = 2
"""Seconds between two looks: at a tenth of what is left, or where that is not known."""

CLOCKS: Final = frozenset({"seconds_since_update"})
"""What changes by looking at it."""

SHOWN: Final = (
    *("pk", "status", "waiting_for", "error_code", "error", "issues_counted"),
    *("started_at", "finished_at", "expires_at", "files_made"),
)
"""What of an export can change, besides its figures."""


def watched(jobs: QuerySet[ExportJob]) -> QuerySet[ExportJob]:
    """With what an ETag is made of, in one query."""
    return jobs.prefetch_related(None).annotate(files_made=Count("files"))


def etag_of(job: Any, status: Status, request: HttpRequest) -> str:
    """A weak ETag of what is shown of `job`, in this language and with these addresses."""
    figures = {name: value for name, value in asdict(status).items() if name not in CLOCKS}
    shown = [request.get_host(), request.scheme, get_language(), figures]
    shown += [getattr(job, name) for name in SHOWN]
    text = json.dumps(shown, default=str, sort_keys=True)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def is_known(request: HttpRequest, etag: str) -> bool:
    """Whether the client has it already, by the weak comparison."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return known == ["*"] or etag in {f"W/{one.removeprefix('W/')}" for one in known}


def poll_after(status: Status) -> int | None:
    """Seconds until it is worth looking again; None when only a person can change anything."""
    if status.state not in ACTIVE:
        return None
    if status.state == JobState.QUEUED or status.seconds_left is None:
        return UNKNOWN
    return min(LATEST, max(SOONEST, status.seconds_left // 10))
