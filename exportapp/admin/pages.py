"""What the templates show of one export.

Figures, shards and files are read only if the template asks for them, so that a poll costs no more
than what it shows.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import translation
from django.utils.translation import gettext as _

from exportapp.admin.advice import advice_for
from exportapp.admin.deeds import offered
from exportapp.admin.drawing import Curve
from exportapp.admin.happened import details, in_words
from exportapp.exceptions import UnknownName
from exportapp.jobs.durations import about
from exportapp.jobs.early import has_shards
from exportapp.jobs.links import path_of
from exportapp.jobs.lookup import templates_for
from exportapp.jobs.pace import pace
from exportapp.jobs.rights import may_download
from exportapp.jobs.shardmap import counted, shard_map
from exportapp.jobs.status import PHASES, Status, phases_of, status_of
from exportapp.jobs.words import asked_for, issue_words, title_of_source
from exportapp.models import ExportIssue, ExportJob
from exportapp.states import ACTIVE, JobState, ShardState
from exportapp.tables.sources import find_source

EVENTS_SHOWN: Final = 50
ISSUES_SHOWN: Final = 5
"""Rows with an issue, of each code."""

PARTS: Final = {
    "job": "_job.html",
    "row": "_row.html",
    "shards": "_shards.html",
    "pace": "_pace.html",
    "events": "_events.html",
}
"""The fragments of the pages, by the name in their address."""

LIVE: Final = {"job": "_job_live.html", "row": "_row_live.html"}
"""What of a fragment changes while the job's state does not."""

SHARDS_IN_ORDER: Final = tuple(ShardState)


def describe(job: ExportJob, user: Any, *, has_rows: bool | None = None) -> dict[str, Any]:
    """The context of every template that shows `job` to `user`.

    `has_rows` says whether the right to the rows is known already; it decides what is shown, and
    is asked again at each download.
    """
    # Templates call what is callable.
    status = functools.cache(functools.partial(status_of, job))
    known = functools.cache(lambda: may_have(user, job) if has_rows is None else has_rows)
    cells = functools.cache(functools.partial(shard_map, job))
    return {
        "job": job,
        "title_of_source": title_of_source(job),
        "asked": functools.partial(asked_in_words, job),
        "status": status,
        "said": lambda: said(job, status()),
        "steps": lambda: steps(status()),
        "icon": lambda: f"exportapp/icons/{icon(status())}.svg",
        "time_left": lambda: _time_left(status()),
        "has_rows": known,
        "buttons": lambda: list(offered(job, known)),
        "files": job.files.all(),
        "can_link": lambda: bool(path_of("token")),
        "cells": cells,
        "cells_counted": lambda: [
            (state, number)
            for state, number in sorted(
                counted(cells()).items(), key=lambda pair: SHARDS_IN_ORDER.index(pair[0])
            )
        ],
        "has_shards": has_shards(job),
        "curve": lambda: Curve.of(pace(job)),
        "events": functools.partial(_events, job),
        "advice": advice_for(job.error_code),
        "snapshot": lambda: _pretty(job.error_snapshot),
        "issues": functools.partial(_issues, job, known),
        "state_template": templates_for(job.source, f"states/{job.status}.html"),
        "parts": {
            name.strip("_").removesuffix(".html"): templates_for(job.source, name)
            for name in (*PARTS.values(), *LIVE.values())
        },
    }


def may_have(user: Any, job: ExportJob) -> bool:
    """Whether this person has the right to the rows; asked again at each download."""
    try:
        source = find_source(job.selection["source"], job.selection["site"])
    except UnknownName:
        return False
    return may_download(user, job, source)


def asked_in_words(job: ExportJob) -> str:
    """Which rows, in words: the one place that the page takes them from."""
    what = asked_for(job) or _("all rows of the list")
    return _("%(rows)s: %(what)s") % {"rows": title_of_source(job), "what": what}


def said(job: ExportJob, status: Status) -> str:
    """The state in a sentence without figures: what a screen reader is told when it changes."""
    if job.waiting_for:
        return f"{job.state.label}: {job.waiting_for}"
    if status.silent_for is not None:
        return _("%(state)s: the workers give no sign of life.") % {"state": job.state.label}
    return str(job.state.label)


def steps(status: Status) -> list[tuple[str, str]]:
    """Each phase with "done", "now", "stopped" or "next"."""
    phases = phases_of(status)
    now = phases.index(status.phase)
    ready = status.state in (JobState.SUCCEEDED, JobState.EXPIRED)
    here = "done" if ready else "now" if status.state in PHASES else "stopped"
    if status.state == JobState.QUEUED and not status.shards_total:
        here = "next"
    states = ["done"] * now + [here] + ["next"] * (len(phases) - now - 1)
    return [(str(phase.label), state) for phase, state in zip(phases, states, strict=True)]


def icon(status: Status) -> str:
    """The name of the picture for the tab of the browser."""
    if status.state in (JobState.SUCCEEDED, JobState.FAILED):
        return str(status.state)
    return str(status.percent // 25 * 25) if status.state in ACTIVE else "stopped"


def _time_left(status: Status) -> str | None:
    seconds = status.seconds_left
    return None if seconds is None else about(seconds)


def _pretty(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)


def _events(job: ExportJob) -> list[tuple[Any, str, str]]:
    events = job.events.select_related("user").order_by("-pk")[:EVENTS_SHOWN]
    return [(event, in_words(event), details(event)) for event in events]


def _issues(job: ExportJob, known: Any) -> Iterator[dict[str, Any]]:
    """Of each code the words, how often, and the first rows, which quote values of them."""
    first = _first_issues(job) if job.issues_counted and known() else {}
    for code, count in job.issues_counted.items():
        rows = first.get(code, [])
        with translation.override(job.language):
            then = issue_words(code)
        # What a worker wrote down of a row may be the words of its code, and nothing of its own.
        tell = any(issue.message != then for issue in rows)
        yield {"said": issue_words(code), "count": count, "first": rows, "tell": tell}


def _first_issues(job: ExportJob) -> dict[str, list[ExportIssue]]:
    place = Window(RowNumber(), partition_by=F("code"), order_by="pk")
    first: dict[str, list[ExportIssue]] = {}
    for issue in job.issues.annotate(place=place).filter(place__lte=ISSUES_SHOWN):
        first.setdefault(issue.code, []).append(issue)
    return first
