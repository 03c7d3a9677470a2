"""Looking at an export again and again: what has not changed is not sent, and when to come back.

Source: RFC 9110, 8.8.3 (weak validators), 10.2.3 (Retry-After), 13.1.2 (If-None-Match).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any, Final

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.http import parse_etags
from django.utils.translation import get_language

from exportapp.jobs.status import NEEDED, Status, laid_out
from exportapp.models import ExportFile, ExportJob
from exportapp.states import ACTIVE, JobState

SOONEST: Final = 1
LATEST: Final = 10
UNKNOWN: Final = 2
"""Seconds between two looks: at a tenth of what is left, or where that is not known."""

CLOCKS: Final = frozenset({"seconds_since_update"})
"""What changes by looking at it."""

CHANGING: Final = (
    *("pk", "status", "waiting_for", "error_code", "error", "issues_counted"),
    *("started_at", "finished_at", "expires_at", "files_made"),
)
"""What of an export can change, besides its figures."""

FIXED: Final = ("source", "consistency", "options", "created_at")

STILL: Final = frozenset({JobState.SUCCEEDED, JobState.CANCELLED, JobState.EXPIRED})
"""States with an end of their own, after which nobody writes figures."""


def watched() -> QuerySet[ExportJob]:
    """Jobs with what is shown and what an ETag is made of, in one query, and nothing large."""
    files = ExportFile.objects.filter(job=OuterRef("pk")).order_by().values("job")
    made = Subquery(files.values(made=Count("pk")), output_field=IntegerField())
    shown = (*(name for name in CHANGING if name != "files_made"), *FIXED, *NEEDED)
    jobs: QuerySet[ExportJob] = ExportJob.objects.only(*shown)
    return jobs.annotate(files_made=Coalesce(made, 0), laid_out=laid_out())


def etag_of(job: Any, status: Status | None, request: HttpRequest) -> str:
    """A weak ETag of what is shown of `job`, in this language and with these addresses.

    `status` is None where it stands still (STILL).
    """
    known = {} if status is None else asdict(status)
    figures = {name: value for name, value in known.items() if name not in CLOCKS}
    shown = [request.get_host(), request.scheme, get_language(), figures]
    shown += [getattr(job, name) for name in CHANGING]
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
