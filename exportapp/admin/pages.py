"""What the templates show of one export.

Figures and files are read only if the template asks for them, so that a poll costs no more than
what it shows.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from exportapp.admin.advice import advice_for
from exportapp.exceptions import UnknownName
from exportapp.jobs import lifecycle
from exportapp.jobs.status import Status, status_of
from exportapp.jobs.words import issue_words
from exportapp.models import ExportJob
from exportapp.tables.sources import find_source

EVENTS_SHOWN: Final = 50

PARTS: Final = {
    "job": "exportapp/_job.html",
    "row": "exportapp/_row.html",
    "events": "exportapp/_events.html",
}
"""The fragments of the pages, by the name in their address."""

LIVE: Final = {"job": "exportapp/_job_live.html", "row": "exportapp/_row_live.html"}
"""What of a fragment changes while the job's state does not."""

DEEDS: Final[dict[str, tuple[Promise, Callable[..., ExportJob]]]] = {
    "pause": (_("Pause"), lifecycle.pause),
    "resume": (_("Resume"), lifecycle.resume),
    "cancel": (_("Cancel"), lifecycle.cancel),
    "start_over": (_("Start over"), lifecycle.start_over),
}
"""The buttons of an export; each is shown while the job's `can_<name>` is true."""


def describe(job: ExportJob) -> dict[str, Any]:
    """The context of every template that shows `job`."""
    # Templates call what is callable.
    status = functools.cache(functools.partial(status_of, job))
    return {
        "job": job,
        "status": status,
        "time_left": lambda: _time_left(status()),
        "buttons": [(name, label) for name, (label, _) in DEEDS.items() if _can(job, name)],
        "files": job.files.all(),
        "events": functools.partial(_events, job),
        "advice": advice_for(job.error_code),
        "snapshot": functools.partial(_pretty, job.error_snapshot),
        "ticked": None if job.selection["keys"] is None else len(job.selection["keys"]),
        "issues": [(issue_words(code), count) for code, count in job.issues_counted.items()],
        "parameters": job.selection.get("parameters", {}),
        "filters": urlencode(job.selection["query"], doseq=True),
    }


def title_of_source(job: ExportJob) -> str:
    """The export's or the model's own name for its rows; what was asked for when that is gone."""
    try:
        return capfirst(find_source(job.source, job.selection["site"]).title)
    except UnknownName:
        return job.source


def _can(job: ExportJob, name: str) -> bool:
    return bool(getattr(job, f"can_{name}"))


def _time_left(status: Status) -> timedelta | None:
    seconds = status.seconds_left
    return None if seconds is None else timedelta(seconds=seconds)


def _pretty(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)


def _events(job: ExportJob) -> Any:
    return job.events.select_related("user").order_by("-pk")[:EVENTS_SHOWN]
