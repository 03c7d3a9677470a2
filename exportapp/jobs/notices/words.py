"""What a notice says in one sentence, in the language that is active."""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from exportapp.jobs.journal import Happened
from exportapp.jobs.words import title_of_source
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState

SENTENCES: Final[dict[str, Promise]] = {
    JobState.SUCCEEDED: _("Your export of {rows} is ready."),
    JobState.FAILED: _("Your export of {rows} failed."),
    JobState.CANCELLED: _("Your export of {rows} was cancelled by {who}."),
}
"""By the outcome; an outcome that is not here is told to nobody."""


def sentence(notice: ExportNotice) -> str:
    """One line of plain text."""
    rows = title_of_source(notice.job)
    said = str(SENTENCES[notice.outcome]).format(rows=rows, who=_who(notice))
    return " ".join(said.split())


def sentence_with_link(notice: ExportNotice, path: str) -> SafeString:
    """The same as HTML: the rows are the link to the page of the export, where it has one."""
    rows = conditional_escape(title_of_source(notice.job))
    link = format_html('<a href="{}">{}</a>', path, rows) if path else rows
    return format_html(str(SENTENCES[notice.outcome]), rows=link, who=_who(notice))


def canceller(job: ExportJob) -> Any:
    """The event that tells who cancelled `job`; None where nobody did."""
    asked = job.events.filter(kind=Happened.MOVED, data__after=JobState.CANCELLING)
    return asked.select_related("user").order_by("pk").last()


def _who(notice: ExportNotice) -> str:
    if notice.outcome != JobState.CANCELLED:
        return ""
    event = canceller(notice.job)
    return str(event and (event.user or event.data.get("by")) or "")
