"""When the user's tables are to be left alone, by the word of the project: EXPORTAPP_THROTTLE."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.jobs.errors import describe
from exportapp.jobs.journal import alarm
from exportapp.models import ExportJob


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait, in seconds, and why."""

    seconds: float
    why: str


@dataclass(slots=True)
class _Last:
    """The last answer that this worker got: it is good for THROTTLE_SECONDS."""

    asked: tuple[str, Any] | None = None
    at: float = 0.0
    answer: Pause | None = None


_last = _Last()


def throttled(job: ExportJob) -> Pause | None:
    """What the project says about reading for `job` now; None lets it read.

    A throttle that raises calls a person and stops nothing.
    """
    path = conf.THROTTLE
    if not path:
        return None
    now = time.monotonic()
    if _last.asked != (path, job.pk) or now - _last.at >= conf.THROTTLE_SECONDS:
        _last.asked, _last.at, _last.answer = (path, job.pk), now, _ask(path, job)
    return _last.answer


def named_throttle(path: str) -> Callable[[ExportJob], Any]:
    """Raises ImportError when there is no such thing, and TypeError when it is no function."""
    named: Callable[[ExportJob], Any] = import_string(path)
    if not callable(named):
        raise TypeError(f"{named!r} cannot be called")
    return named


def _ask(path: str, job: ExportJob) -> Pause | None:
    try:
        return _pause(named_throttle(path)(job))
    except Exception as error:
        said = f"{path}: {describe(error)}"
        alarm(job, "throttle", f"The throttle did not answer: {said}", error=said)
        return None


def _pause(answer: Any) -> Pause | None:
    """Raises TypeError or ValueError for what is no answer."""
    seconds, why = answer if isinstance(answer, tuple) else (answer, "")
    if not seconds or float(seconds) <= 0:
        return None
    return Pause(float(seconds), str(why) or _("The database is left alone for a while."))
