"""Whether it was asked before: under the caller's own key, or by an equal request."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any, Final

from django.db.models import QuerySet

from exportapp.exceptions import RequestRefused
from exportapp.models import ExportJob
from exportapp.tables.selection import Selection

WORDS: Final = ("language", "time_zone", "spec_fingerprint", "policy", "consistency", "options")
"""What makes requests equal, beside who asks and for which rows."""


def key_of(job: ExportJob, given: str | None = None) -> str:
    """What `job` is found by: `given`, or else all that makes requests of one person equal."""
    who = f"user:{job.requested_by_id}" if job.requested_by_id else "operator"
    selection = Selection.from_json(job.selection)
    spec = [value for value in (getattr(job, name) for name in WORDS) if value != {}]
    asked = given or [selection.site, selection.canonical, *spec]
    text = json.dumps([who, asked], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def asked_before(job: ExportJob, *, by_key: bool) -> ExportJob | None:
    """The job of the same person that the key of `job` was given for, also when it has ended.

    Unless the key is the person's own, any active one that asks for the same, whatever its key.
    """
    if by_key:
        found: ExportJob | None = _with(job.request_key).last()
        return found
    return active_with(job.request_key) or _equal(job)


def active_with(key: str) -> ExportJob | None:
    found: ExportJob | None = _with(key).active().last()
    return found


def _with(key: str) -> Any:
    return ExportJob.objects.filter(request_key=key).order_by("created_at")


def _equal(job: ExportJob) -> ExportJob | None:
    whose = {"requested_by": job.requested_by_id, "by_operator": job.by_operator}
    same = {"source": job.source, "spec_fingerprint": job.spec_fingerprint}
    others: QuerySet[ExportJob] = ExportJob.objects.active().filter(**whose, **same)
    for other in others.defer("layout"):
        # What a later version wrote down may be more than this one can read.
        with contextlib.suppress(RequestRefused):
            if key_of(other) == job.request_key:
                return other
    return None
