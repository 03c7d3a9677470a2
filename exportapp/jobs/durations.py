"""A time that is still to come, in words that do not pretend to know it to the second."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR


def about(seconds: float) -> str:
    """ "about 40 seconds", "about 2 minutes": coarser the longer it takes, so that it settles."""
    if seconds < 10:
        return _("a few seconds")
    if seconds < 55:
        count = round(seconds / 10) * 10
        return ngettext("about %(count)d second", "about %(count)d seconds", count) % {
            "count": count
        }
    if seconds < 55 * MINUTE:
        count = _minutes(seconds)
        return ngettext("about %(count)d minute", "about %(count)d minutes", count) % {
            "count": count
        }
    if seconds < DAY:
        count = max(1, round(seconds / HOUR))
        return ngettext("about %(count)d hour", "about %(count)d hours", count) % {"count": count}
    count = round(seconds / DAY)
    return ngettext("about %(count)d day", "about %(count)d days", count) % {"count": count}


def _minutes(seconds: float) -> int:
    minutes = max(1, round(seconds / MINUTE))
    return minutes if minutes < 10 else round(minutes / 5) * 5
