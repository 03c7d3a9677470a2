"""What happened to an export, in words: the kinds of its events."""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from exportapp.jobs.journal import Happened
from exportapp.states import JobState

ROWS: Final = ngettext_lazy("%(count)d row", "%(count)d rows", "count")

WORDS: Final[dict[str, Promise]] = {
    Happened.ASKED: gettext_lazy("asked for"),
    Happened.MOVED: gettext_lazy("now in another state"),
    Happened.PLANNED: gettext_lazy("divided into shards"),
    Happened.EXTRACTED: gettext_lazy("shard read"),
    Happened.LAID_OUT: gettext_lazy("rows have their places"),
    Happened.RENDERED: gettext_lazy("shard written"),
    Happened.MERGED: gettext_lazy("joined"),
    Happened.RELEASED: gettext_lazy("handed back"),
    Happened.RETRIED: gettext_lazy("to be tried again"),
    Happened.REFUSED: gettext_lazy("late worker refused"),
    Happened.RECOVERED: gettext_lazy("recovered from a lost worker"),
    Happened.DAMAGED: gettext_lazy("found damaged"),
    Happened.VERIFIED: gettext_lazy("read back and found right"),
    Happened.STARTED_OVER: gettext_lazy("started over"),
    Happened.FAILED: gettext_lazy("failed"),
    Happened.WOKEN: gettext_lazy("workers called"),
    Happened.DOWNLOADED: gettext_lazy("downloaded"),
    Happened.NOTIFIED: gettext_lazy("somebody was told"),
    Happened.UNNOTIFIED: gettext_lazy("somebody could not be told"),
    Happened.CLEANED: gettext_lazy("cleaned up"),
    Happened.ALARM: gettext_lazy("alarm"),
    Happened.WAITING: gettext_lazy("waits"),
    Happened.WENT_ON: gettext_lazy("went on"),
}


COUNTED: Final[dict[str, tuple[str, Promise]]] = {
    Happened.PLANNED: ("shards", ngettext_lazy("%(count)d shard", "%(count)d shards", "count")),
    Happened.EXTRACTED: ("rows", ROWS),
    Happened.RENDERED: ("rows", ROWS),
    Happened.MERGED: ("rows", ROWS),
}
"""What the details of an event count, by its kind: the name in its data and the words."""


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
    return _(event.message)
