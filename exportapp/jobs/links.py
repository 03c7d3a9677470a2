"""Links to a file that are good without signing in: for curl, or a download manager.

A link is the word of one person, for some minutes: it names the person, the export, the file and
the digest of what it gives, signed with the project's SECRET_KEY. Whoever has it gets what that
person may have at that moment, and in the events it is that person's download. It ends with the
person's password, as a session does.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core import signing
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import LinkExpired, LinkUnknown, NotAllowed
from exportapp.jobs.delivery import Delivery, deliver
from exportapp.models import ExportJob

SALT: Final = "exportapp.link"
"""Nothing that the project signs elsewhere is a link."""


@dataclass(frozen=True, slots=True)
class Link:
    token: str
    expires_at: datetime
    filename: str
    """What the copy is called of whoever opens it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link is to: `delivery` of `job` for `user`."""

    job: ExportJob
    user: Any
    delivery: Delivery


def make_link(job: ExportJob, user: Any, number: int | None = None) -> Link:
    """A link to file `number` of `job`, or to all of them, in the name of `user`.

    Raises what `deliver` raises: nobody makes a link to what they could not download now, and
    NotAllowed for somebody without an account.
    """
    if not user.pk:
        raise NotAllowed(_("Only a person with an account can make a link."))
    delivery = deliver(job, user, number)
    told = [str(job.pk), str(user.pk), number, delivery.digest, _password_of(user)]
    expires_at = timezone.now() + timedelta(seconds=conf.LINK_SECONDS)
    return Link(signing.dumps(told, salt=SALT), expires_at, delivery.filename)


def path_of(token: str) -> str:
    """Where the link is opened; empty where the project has no REST face, which opens it."""
    with suppress(NoReverseMatch):
        return reverse("exportapp_api:link", args=[token])
    return ""


def open_link(token: str) -> Opened:
    """What the link is to, with every right asked again.

    Raises LinkUnknown for what was not signed here, LinkExpired after LINK_SECONDS and for files
    that are others now, NotAllowed when the person is gone, may not sign in, has another password
    or lost the right, and what `deliver` raises.
    """
    try:
        told = signing.loads(token, salt=SALT, max_age=conf.LINK_SECONDS)
    except signing.SignatureExpired as error:
        raise LinkExpired(_("The link is no longer good: ask for another.")) from error
    except Exception as error:
        # Also what is no base64, no JSON or no text at all: it was not signed here.
        raise LinkUnknown(_("The link is none that was made here.")) from error
    job_id, user_id, number, digest, password = told
    user: Any = get_user_model()._default_manager.filter(pk=user_id).first()
    if user is None or not user.is_active:
        raise NotAllowed(_("The person who made the link is no longer active."))
    if not constant_time_compare(password, _password_of(user)):
        raise NotAllowed(_("The person who made the link has changed the password since."))
    job: ExportJob | None = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        raise LinkExpired(_("The export of the link is gone."))
    delivery = deliver(job, user, number)
    if not constant_time_compare(digest, delivery.digest):
        raise LinkExpired(_("The file of the link is another one now: ask for another link."))
    return Opened(job, user, delivery)


def _password_of(user: Any) -> str:
    """Changes with the password, and tells nothing of it."""
    return salted_hmac(f"{SALT}.password", user.password, algorithm="sha256").hexdigest()[:32]
