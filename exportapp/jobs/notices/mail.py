"""An e-mail to the person who asked, with a link: no row of the export is in it."""

from __future__ import annotations

import smtplib
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import select_template

from exportapp.exceptions import NoticeRefused
from exportapp.jobs.lookup import templates_for
from exportapp.jobs.notices.booking import address_of
from exportapp.jobs.notices.links import job_url, site_url
from exportapp.jobs.notices.words import sentence
from exportapp.jobs.words import title_of_source
from exportapp.models import ExportNotice
from exportapp.states import JobState
from exportapp.tables.selection import Viewer

SECONDS: Final = 20
"""How long a server of mails may be silent, unless EMAIL_TIMEOUT says."""

PERMANENT: Final = 500
"""Replies from here on say that the same mail is refused again (RFC 5321, 4.2.1)."""


def send(notice: ExportNotice) -> None:
    """Raises NoticeRefused where no try will do, and what the backend raises else."""
    job, person = notice.job, notice.recipient
    if person is None or not person.is_active:
        raise NoticeRefused("The person who asked for this export is no longer active.")
    viewer = Viewer(user=person, language=job.language, time_zone=job.time_zone)
    with viewer.active():
        message = message_of(notice)
    try:
        message.send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
        if _is_permanent(error):
            raise NoticeRefused(f"The mail was refused: {error}") from error
        raise


def message_of(notice: ExportNotice) -> EmailMultiAlternatives:
    """Raises NoticeRefused without an address to write to, or without one for the link."""
    to, url = address_of(notice.recipient), job_url(notice.job)
    if not to:
        raise NoticeRefused(f"{notice.recipient} has no e-mail address.")
    if not url:
        raise NoticeRefused("EXPORTAPP_SITE_URL is not set, or no admin site has the exports.")
    context = _context(notice, url)
    message = EmailMultiAlternatives(
        subject=" ".join(_render(notice, "mail/subject.txt", context).split()),
        body=_render(notice, "mail/body.txt", context).strip() + "\n",
        to=[to],
        headers=_headers(notice),
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT or SECONDS),
    )
    message.attach_alternative(_render(notice, "mail/body.html", context), "text/html")
    return message


def _headers(notice: ExportNotice) -> dict[str, str]:
    host = site_url().partition("://")[2].partition("/")[0].partition(":")[0]
    return {
        # The same on every try, so that a mailbox can see that two are one.
        "Message-ID": f"<{notice.pk}@{host}>",
        # No reply by a machine, please (RFC 3834).
        "Auto-Submitted": "auto-generated",
    }


def _context(notice: ExportNotice, url: str) -> dict[str, Any]:
    job = notice.job
    return {
        "notice": notice,
        "job": job,
        "person": notice.recipient,
        "sentence": sentence(notice),
        "rows_of": title_of_source(job),
        "url": url,
        "ready": notice.outcome == JobState.SUCCEEDED,
        "failed": notice.outcome == JobState.FAILED,
        "files": list(job.files.all()) if job.can_download else [],
    }


def _render(notice: ExportNotice, name: str, context: dict[str, Any]) -> str:
    return str(select_template(templates_for(notice.job.source, name)).render(context))


def _is_permanent(error: smtplib.SMTPException) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= PERMANENT
