"""Who is to be told what, and by what: what a person may choose, and the rows of an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs.notices.channels import EMAIL, names
from exportapp.jobs.notices.links import knows_site
from exportapp.jobs.notices.words import SENTENCES, canceller
from exportapp.jobs.wakeups import wake_teller
from exportapp.models import MESSAGE, ExportJob, ExportNotice
from exportapp.states import ACTIVE, JobState


def chosen(asked: Sequence[str] | None, user: Any) -> list[str]:
    """The channels by which `user` is told; without a word of theirs those of NOTIFY that can.

    Raises UnknownName, and RequestRefused for a channel that cannot reach this person.
    """
    if asked is None:
        return [name for name in dict.fromkeys(conf.NOTIFY) if name in available(user)]
    for name in asked:
        if name not in names():
            raise UnknownName("channel", name, available(user))
        if why := _hindrance(name, user):
            raise RequestRefused(why)
    return list(dict.fromkeys(asked))


def available(user: Any) -> list[str]:
    """The channels that can reach `user`."""
    return [name for name in names() if not _hindrance(name, user)]


def still_available(kept: Sequence[str], user: Any) -> list[str]:
    """What of a choice that was made before there still is."""
    return [name for name in kept if name in available(user)]


def add(job: ExportJob, asked: Sequence[str] | None, user: Any) -> None:
    """Who asks for a running export once more, and to be told of it, is told by that as well."""
    more = [name for name in chosen(asked or (), user) if name not in job.notify]
    if more:
        active = ExportJob.objects.filter(pk=job.pk, status__in=ACTIVE)
        active.update(notify=[*job.notify, *more])
        job.refresh_from_db(fields=["notify"])


def book(job: ExportJob, outcome: JobState) -> None:
    """Make the rows for what is told of `outcome`, in the transaction of the move to it.

    A cancel is told only to whom it was done by somebody else.
    """
    if outcome not in SENTENCES or not job.notify:
        return
    if outcome == JobState.CANCELLED and not _is_by_another(job):
        return
    # What was not told of an end before this one is old.
    ExportNotice.objects.filter(job=job).open().update(given_up_at=Now())
    notices = [
        ExportNotice(job=job, channel=name, outcome=outcome, recipient_id=job.requested_by_id)
        for name in job.notify
        if job.requested_by_id or name not in (MESSAGE, EMAIL)
    ]
    ExportNotice.objects.bulk_create(notices)
    if any(notice.channel != MESSAGE for notice in notices):
        wake_teller()


def _is_by_another(job: ExportJob) -> bool:
    event = canceller(job)
    return event is not None and (event.user_id is None or event.user_id != job.requested_by_id)


def address_of(user: Any) -> str:
    """The e-mail address of a person, or nothing."""
    return str(getattr(user, user.get_email_field_name(), "") or "") if user.pk else ""


def _hindrance(name: str, user: Any) -> str:
    """Why this channel cannot reach `user`; empty when it can."""
    if name in conf.CHANNELS or name not in (MESSAGE, EMAIL):
        return ""
    if not user.pk:
        return _("The channel '{name}' reaches a person: say whom, as with --user.").format(
            name=name
        )
    if name == EMAIL and not address_of(user):
        return _("{user} has no e-mail address for the channel '{name}'.").format(
            user=user, name=name
        )
    if name == EMAIL and not knows_site():
        return _("The channel 'email' needs EXPORTAPP_SITE_URL for the link in its mail.")
    return ""
