"""What happened to an export, in words: the kinds of its events."""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy, pgettext_lazy

from exportapp.jobs.journal import Happened
from exportapp.states import JobState

ROWS: Final = ngettext_lazy("%(count)d row", "%(count)d rows", "count")

WORDS: Final[dict[str, Promise]] = {
    Happened.ASKED: pgettext_lazy("event", "asked for"),
    Happened.MOVED: pgettext_lazy("event", "now in another state"),
    Happened.PLANNED: pgettext_lazy("event", "divided into shards"),
    Happened.EXTRACTED: pgettext_lazy("event", "shard read"),
    Happened.LAID_OUT: pgettext_lazy("event", "rows have their places"),
    Happened.RENDERED: pgettext_lazy("event", "shard written"),
    Happened.MERGED: pgettext_lazy("event", "joined"),
    Happened.UPLOADED: pgettext_lazy("event", "uploaded"),
    Happened.RELEASED: pgettext_lazy("event", "handed back"),
    Happened.RETRIED: pgettext_lazy("event", "to be tried again"),
    Happened.REFUSED: pgettext_lazy("event", "late worker refused"),
    Happened.RECOVERED: pgettext_lazy("event", "recovered from a lost worker"),
    Happened.DAMAGED: pgettext_lazy("event", "found damaged"),
    Happened.VERIFIED: pgettext_lazy("event", "read back and found right"),
    Happened.STARTED_OVER: pgettext_lazy("event", "started over"),
    Happened.FAILED: pgettext_lazy("event", "failed"),
    Happened.WOKEN: pgettext_lazy("event", "workers called"),
    Happened.DOWNLOADED: pgettext_lazy("event", "downloaded"),
    Happened.NOTIFIED: pgettext_lazy("event", "somebody was told"),
    Happened.UNNOTIFIED: pgettext_lazy("event", "somebody could not be told"),
    Happened.CLEANED: pgettext_lazy("event", "cleaned up"),
    Happened.ALARM: pgettext_lazy("event", "alarm"),
    Happened.WAITING: pgettext_lazy("event", "waits"),
    Happened.WENT_ON: pgettext_lazy("event", "went on"),
}


COUNTED: Final[dict[str, tuple[str, Promise]]] = {
    Happened.PLANNED: ("shards", ngettext_lazy("%(count)d shard", "%(count)d shards", "count")),
    Happened.EXTRACTED: ("rows", ROWS),
    Happened.RENDERED: ("rows", ROWS),
    Happened.MERGED: ("rows", ROWS),
    Happened.VERIFIED: (
        "rows",
        ngettext_lazy("%(count)d row read back equal", "%(count)d rows read back equal", "count"),
    ),
    Happened.CLEANED: (
        "files",
        ngettext_lazy("%(count)d spool file removed", "%(count)d spool files removed", "count"),
    ),
}
"""What the details of an event count, by its kind: the name in its data and the words."""


ALARMS: Final[dict[str, Promise]] = {
    "clean": gettext_lazy("The shards could not be removed: %(error)s"),
    "expire": gettext_lazy("The files could not be removed: %(error)s"),
    "throttle": gettext_lazy("The throttle did not answer: %(error)s"),
}
"""What an alarm is about, in words; that of others is their message."""


def in_words(event: Any) -> str:
    """ "shard written"; a move says where to; a kind that is not known here, as it is."""
    after = event.data.get("after")
    if event.kind == Happened.MOVED and after in JobState.values:
        return _("now “%(state)s”") % {"state": JobState(after).label}
    return str(WORDS.get(event.kind, event.kind))


def details(event: Any) -> str:
    """What it counted, or its message: reasons are kept in English, errors as they were said."""
    name, words = COUNTED.get(event.kind, ("", ""))
    if name in event.data:
        return str(words % {"count": event.data[name]})
    if "error" in event.data and event.data.get("about") in ALARMS:
        return str(ALARMS[event.data["about"]] % {"error": event.data["error"]})
    return _(event.message)
