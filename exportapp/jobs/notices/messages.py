"""The notices that wait for their person on the next page of the admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F
from django.db.models.functions import Now

from exportapp.jobs.notices.sending import claim
from exportapp.models import MESSAGE, ExportNotice

MOST: Final = 5
"""Shown on one page; the next ones come with the next."""


def take_messages(user: Any) -> list[ExportNotice]:
    """Those that `user` is to see now, for this page alone: one query where there are none.

    They come again SENDING_SECONDS later unless `shown` says that the page was made.
    """
    waiting = ExportNotice.objects.filter(recipient_id=user.pk, channel=MESSAGE).due()
    true = waiting.filter(job__status=F("outcome")).select_related("job")
    wanted = ("attempts", "channel", "outcome", "job__source", "job__selection", "job__status")
    # In another tab at the same moment they are shown once, here or there.
    return [notice for notice in true.only(*wanted).order_by("created_at")[:MOST] if claim(notice)]


def shown(notices: Sequence[ExportNotice]) -> None:
    """The page with them was made."""
    for notice in notices:
        mine = ExportNotice.objects.filter(pk=notice.pk, attempts=notice.attempts)
        mine.open().update(sent_at=Now())
