"""How the whole of it does: one value for the operations page, and for machines.

Every question is bounded, and what a server that is away would have said is None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone

from exportapp.conf import conf
from exportapp.jobs.breaker import Failing, failing
from exportapp.jobs.disk import Disk, disk
from exportapp.jobs.journal import Happened
from exportapp.jobs.roster import Roster, roster
from exportapp.jobs.upkeep import LastTurn, last_turn
from exportapp.jobs.verdicts import Resource
from exportapp.models import ExportEvent, ExportJob, ExportShard

SHOWN: Final = 50
"""The most exports, waits and alarms that are listed."""

LOOKED_AT: Final = 20_000
"""The newest events, among which alarms are looked for: there is no index of their kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    job: ExportJob
    workers: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    roster: Roster | None
    breakers: Sequence[Failing] | None
    """Those that are open, or have counted failures."""
    last_turn: LastTurn | None
    """Of the reconciler; None as well where it was never seen."""
    running: Sequence[Running]
    waiting: Sequence[ExportJob]
    """Exports that wait on purpose, and say for what."""
    alarms: Sequence[ExportEvent]
    """Of the last day."""
    disk: Disk | None
    """None where the folder cannot be read."""

    @property
    def lag(self) -> timedelta | None:
        """How long the first wake-up of the queue waits; None without one."""
        if self.roster is None or self.roster.oldest is None:
            return None
        return max(timedelta(0), timezone.now() - self.roster.oldest)


def operations() -> Operations:
    """Five queries, five round trips to Redis, and a look at the folder."""
    active = list(
        ExportJob.objects.active()
        .select_related("requested_by")
        .defer("manifest", "layout", "columns", "error_snapshot")[:SHOWN]
    )
    return Operations(
        roster=roster(),
        breakers=failing(_breakers()),
        last_turn=last_turn(),
        running=_running(active),
        waiting=[job for job in active if job.waiting_for],
        alarms=_alarms(),
        disk=disk(),
    )


def _breakers() -> list[str]:
    databases = [f"{Resource.DATABASE}:{alias}" for alias in settings.DATABASES]
    storages = dict.fromkeys(filter(None, [conf.STORAGE, conf.RESULTS]))
    return [*databases, *(f"{Resource.STORAGE}:{alias}" for alias in storages)]


def _running(active: Sequence[ExportJob]) -> list[Running]:
    found: defaultdict[Any, set[str]] = defaultdict(set)
    held = ExportShard.objects.filter(job__in=active).held()
    for job_id, worker in held.values_list("job_id", "worker")[: 20 * SHOWN]:
        found[job_id].add(worker)
    return [
        Running(job=job, workers=sorted(found[job.pk] | ({job.worker} if job.worker else set())))
        for job in active
    ]


def _alarms() -> list[ExportEvent]:
    newest = ExportEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    lately = ExportEvent.objects.filter(
        pk__gt=newest - LOOKED_AT, kind=Happened.ALARM, at__gt=Now() - timedelta(days=1)
    )
    return list(lately.select_related("job").order_by("-pk")[:SHOWN])
