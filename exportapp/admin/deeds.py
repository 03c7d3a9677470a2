"""What a person can do to an export by a button, and the sentence that says what happens then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from exportapp.exceptions import (
    IllegalTransition,
    NotAllowed,
    RequestRefused,
    SourceChanged,
)
from exportapp.jobs import lifecycle
from exportapp.models import ExportJob
from exportapp.states import JobState


@dataclass(frozen=True, slots=True)
class Deed:
    """A button; it is shown while the job's `can_<name>` is true."""

    label: Promise
    do: Callable[..., ExportJob]
    for_rows: bool = False
    """Whether it is of no use without the right to the rows."""
    asks: bool = False
    """Whether a page asks first, since it cannot be taken back."""


DEEDS: Final[dict[str, Deed]] = {
    "pause": Deed(pgettext_lazy("button", "Pause"), lifecycle.pause),
    "resume": Deed(pgettext_lazy("button", "Resume"), lifecycle.resume, for_rows=True),
    "cancel": Deed(pgettext_lazy("button", "Cancel"), lifecycle.cancel),
    "start_over": Deed(_("Start over"), lifecycle.start_over, for_rows=True),
    "discard": Deed(_("Delete"), lifecycle.discard, asks=True),
}

SAID: Final[dict[tuple[str, JobState], Promise]] = {
    ("pause", JobState.PAUSING): _(
        "Pausing: workers finish the rows in hand, mostly within 2 seconds. Resume goes on from "
        "there."
    ),
    ("pause", JobState.PAUSED): _("Paused: nobody was at work on it. Resume goes on from there."),
    ("resume", JobState.QUEUED): _(
        "Resumed: the next free worker goes on with it. What is finished is not made again."
    ),
    ("cancel", JobState.CANCELLING): _(
        "Cancelling: workers finish the rows in hand, mostly within 2 seconds. It can be resumed "
        "until its pieces are removed."
    ),
    ("cancel", JobState.CANCELLED): _(
        "Cancelled: nobody works on it any more. It can be resumed until its pieces are removed."
    ),
    ("start_over", JobState.QUEUED): _(
        "Started over: this is a new export of the same rows as they are now. The old one stays "
        "what it is."
    ),
    ("discard", JobState.EXPIRED): _(
        "Deleted: its files are removed. Who asked for it and who downloaded it stays on record."
    ),
}
"""What will happen, by what was done and the state that it led to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    job: ExportJob
    """What the deed left: the job itself, or a new one."""
    said: str
    """What will happen; empty where it was refused."""
    refusal: str = ""


def do(name: str, job: ExportJob, user: Any) -> Outcome:
    """Do it through the doorway, or say why not."""
    try:
        after = DEEDS[name].do(job, user=user)
    except (IllegalTransition, NotAllowed, RequestRefused, SourceChanged) as error:
        job.refresh_from_db()
        return Outcome(job, "", str(error))
    # Workers may have been quicker than this sentence.
    return Outcome(after, str(SAID.get((name, after.state), after.state.label)))


def offered(job: ExportJob, has_rows: Callable[[], bool]) -> Iterable[tuple[str, Deed]]:
    """The deeds that the job's state allows, and that are of use to this person."""
    for name, deed in DEEDS.items():
        if getattr(job, f"can_{name}") and (not deed.for_rows or has_rows()):
            yield name, deed


def said_of_many(name: str, count: int) -> str:
    """The same for `count` exports at once: paused, resumed or cancelled."""
    said = {
        "pause": ngettext(
            "%(count)d export is paused as soon as its workers finish the rows in hand. Resume "
            "goes on from there.",
            "%(count)d exports are paused as soon as their workers finish the rows in hand. "
            "Resume goes on from there.",
            count,
        ),
        "resume": ngettext(
            "%(count)d export goes on with the next free worker.",
            "%(count)d exports go on with the next free workers.",
            count,
        ),
        "cancel": ngettext(
            "%(count)d export is given up. It can be resumed until its pieces are removed.",
            "%(count)d exports are given up. They can be resumed until their pieces are removed.",
            count,
        ),
    }
    return said[name] % {"count": count}
