"""Exports that wait on purpose: what they need is out of order, or the project says so.

Such a job says why in `waiting_for`, is looked at again after `not_before`, and goes on by
itself. No attempt is counted, and the event is recorded once, however many workers come to know.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, router, transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import UnknownName
from exportapp.jobs.breaker import Breaker, all_closed
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import worker_name
from exportapp.jobs.objects.places import results_alias
from exportapp.jobs.throttle import Pause, throttled
from exportapp.jobs.verdicts import Resource
from exportapp.models import ExportJob, ExportShard
from exportapp.states import WANTED, WORKING, JobState
from exportapp.tables.sources import find_source

LONGEST: Final = 24 * 3600.0
"""A throttle is asked again at least this often, in seconds."""


def needs(job: ExportJob) -> dict[Resource, str]:
    """What the next piece of `job` cannot do without, and the names of the breakers before it.

    Databases have one each: an export of another one goes on.
    """
    reads = job.state == JobState.EXTRACTING
    alias = _alias_of_source(job) if reads else router.db_for_write(ExportJob)
    carries = job.state == JobState.UPLOADING and results_alias()
    storage = f"{Resource.STORAGE}:{carries or conf.STORAGE}"
    return {Resource.DATABASE: f"{Resource.DATABASE}:{alias}", Resource.STORAGE: storage}


def held_up(job: ExportJob) -> bool:
    """Whether the export waits now; if so, the job says why and until when."""
    if job.waiting_for and _is_early(job):
        # The others may have finished their pieces meanwhile: then the next phase can begin.
        return _has_pieces(job)
    names = needs(job)
    if all_closed(names.values()):
        names = {}
    breakers = {what: Breaker(name) for what, name in names.items()}
    broken = {what: breaker for what, breaker in breakers.items() if breaker.is_open}
    if broken and not _has_pieces(job):
        # Whoever is let through must have something to try with.
        return False
    pause = _pause_of_breakers(job, broken) or _pause_of_throttle(job)
    if pause:
        park(job, pause)
    elif job.waiting_for and not broken:
        go_on(job)
    return pause is not None


def park(job: ExportJob, pause: Pause, **data: Any) -> None:
    """Let the export wait. The event is recorded when the wait begins, not when it goes on."""
    until = Now() + timedelta(seconds=min(pause.seconds, LONGEST))
    words = {"waiting_for": pause.why[:300], "not_before": until}
    working = ExportJob.objects.filter(pk=job.pk, status__in=WORKING)
    with transaction.atomic():
        if working.filter(waiting_for="").update(**words):
            data["seconds"] = round(pause.seconds, 1)
            record(job, Happened.WAITING, pause.why, worker=worker_name(), **data)
        else:
            working.update(**words)
    job.refresh_from_db()


def go_on(job: ExportJob) -> None:
    """End the wait; of many workers that know, one tells."""
    waiting = ExportJob.objects.filter(pk=job.pk).exclude(waiting_for="")
    with transaction.atomic():
        if waiting.update(waiting_for="", not_before=None):
            record(job, Happened.WENT_ON, worker=worker_name())
    job.refresh_from_db()


def out_of_order(job: ExportJob, what: Resource, seconds: float) -> Pause:
    """The pause for a resource whose breaker is open, in the person's language."""
    with translation.override(job.language):
        words = {
            Resource.DATABASE: _("The database does not answer; tried again in {seconds} s."),
            Resource.STORAGE: _("The storage fails; tried again in {seconds} s."),
        }
        return Pause(seconds, words[what].format(seconds=max(1, round(seconds))))


def _pause_of_breakers(job: ExportJob, broken: dict[Resource, Breaker]) -> Pause | None:
    for what, breaker in broken.items():
        seconds = breaker.wait()
        if seconds:
            return out_of_order(job, what, seconds)
    return None


def _pause_of_throttle(job: ExportJob) -> Pause | None:
    if job.state != JobState.EXTRACTING:
        return None
    with translation.override(job.language):
        pause = throttled(job)
    # What is read already may go on.
    return pause if pause and _has_pieces(job) else None


def _is_early(job: ExportJob) -> bool:
    return ExportJob.objects.filter(pk=job.pk, not_before__gt=Now()).exists()


def _has_pieces(job: ExportJob) -> bool:
    """Whether a worker that comes now finds something to claim."""
    if job.state in (JobState.MERGING, JobState.UPLOADING) or job.planned_at is None:
        return True
    wanted = ExportShard.objects.filter(job=job, status=WANTED.get(job.state))
    return bool(wanted.free().exists())


def _alias_of_source(job: ExportJob) -> str:
    try:
        models = find_source(job.source, job.selection["site"]).models
    except UnknownName:
        return DEFAULT_DB_ALIAS
    return router.db_for_read(models[0])
