"""What happens to an export, as it happens: server-sent events.

`event`     one of the journal; its id is the number of the event
`progress`  how far the export is, whenever that changed; it has no id
`end`       the last one, when the export is over

Redis says when there is something new (`following`), and without it the database is asked every
second. So a client that was away for a while misses no event of the journal: it names the last that
it has.

Source: WHATWG HTML, section 9.2, "Server-sent events".
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.models import ExportEvent, ExportJob
from exportapp.states import JobState

HEARTBEAT_SECONDS: Final = 15.0
"""A comment after so much silence, which proxies would else take for the end (section 9.2.7)."""

SETTLED_SECONDS: Final = 1.0
"""How old an event must be: until then one with a lower number may still be committed."""

CHANGING: Final = ("status", "planned_at", "waiting_for", "started_at", "finished_at")
"""What of a job its progress is made of."""

_ID: Final = re.compile(r"(\d{1,18})(-end)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Since:
    """What a client has already, by its Last-Event-ID."""

    number: int = 0
    end: bool = False

    @classmethod
    def read(cls, header: str) -> Self:
        """What is no id of ours counts as none."""
        found = _ID.fullmatch(header)
        return cls(int(found[1]), bool(found[2])) if found else cls()


@dataclass(frozen=True, slots=True)
class Shown:
    """How a face shows things, as JSON."""

    event: Callable[[ExportEvent], Any]
    progress: Callable[[ExportJob], Any]


def is_all_told(job: ExportJob, since: Since) -> bool:
    """Whether a client that asks again has everything that will ever come."""
    return since.end and _is_over(job) and not _newer(job, since.number).exists()


def live(job: ExportJob, since: Since, shown: Shown) -> Generator[bytes | None]:
    """The events of `job`, for SSE_SECONDS at most; the client comes back and goes on.

    None where there is nothing to tell until something happens.
    """
    # Those who lost one server together do not come back together.
    yield f"retry: {random.randint(1000, 3000)}\n\n".encode()  # nosec B311
    deadline = spoke = time.monotonic()
    deadline += conf.SSE_SECONDS
    teller = _Teller(job, since.number, shown)
    while time.monotonic() < deadline and not teller.ended:
        if news := b"".join(teller.news()):
            spoke = time.monotonic()
            yield news
        elif time.monotonic() - spoke >= HEARTBEAT_SECONDS:
            spoke = time.monotonic()
            yield b": nothing new\n\n"
        if not teller.ended:
            yield None


class _Teller:
    def __init__(self, job: ExportJob, last: int, shown: Shown) -> None:
        self._job, self._last, self._shown = job, last, shown
        self._told: Any = None
        self.ended = False

    def news(self) -> Iterator[bytes]:
        job = self._job
        # Before the events: of a job that is over none is missed.
        job.refresh_from_db(fields=CHANGING)
        settled = Now() - timedelta(seconds=SETTLED_SECONDS)
        for event in _newer(job, self._last).filter(at__lt=settled).select_related("user"):
            self._last = event.pk
            yield _frame("event", self._shown.event(event), str(event.pk))
        found = self._shown.progress(job)
        if found != self._told:
            self._told = found
            yield _frame("progress", found)
        if _is_over(job) and not _newer(job, self._last).exists():
            self.ended = True
            yield _frame("end", found, f"{self._last}-end")


def _is_over(job: ExportJob) -> bool:
    return not job.is_active and job.state != JobState.PAUSED


def _newer(job: ExportJob, number: int) -> Any:
    return ExportEvent.objects.filter(job=job, pk__gt=number).order_by("pk")


def _frame(kind: str, data: Any, number: str | None = None) -> bytes:
    # JSON has no line feed in it, so it is one line of data.
    lines = [f"event: {kind}", f"data: {json.dumps(data, cls=DjangoJSONEncoder)}"]
    return "\n".join([*([f"id: {number}"] if number else []), *lines, "", ""]).encode()
