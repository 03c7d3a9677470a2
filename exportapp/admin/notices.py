"""What waits for a person is said on the next page of any admin site that they open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from exportapp.jobs.errors import describe
from exportapp.jobs.journal import Line
from exportapp.jobs.notices.links import job_path
from exportapp.jobs.notices.messages import shown, take_messages
from exportapp.jobs.notices.words import sentence_with_link
from exportapp.states import JobState

log = logging.getLogger("exportapp")

LEVELS: Final[dict[str, int]] = {
    JobState.SUCCEEDED: messages.SUCCESS,
    JobState.FAILED: messages.ERROR,
    JobState.CANCELLED: messages.WARNING,
}

NO_PAGES: Final = ("jsi18n", "autocomplete", "exportapp_exportjob_part")
"""Views of an admin site that scripts ask."""


class NoticeMiddleware(MiddlewareMixin):
    """Anywhere in MIDDLEWARE. One query on a page of an admin site, none anywhere else."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not _is_page(request):
            return
        try:
            found = take_messages(request.user)
        except DatabaseError as error:
            # Its table may not be there yet; the page is worth more than the notice.
            log.warning(Line(event="notices_unread", message=describe(error)))
            return
        request.exportapp_notices = found  # type: ignore[attr-defined]
        site = request.resolver_match.namespace if request.resolver_match else ""
        for notice in found:
            text = sentence_with_link(notice, job_path(notice.job, site))
            messages.add_message(request, LEVELS[notice.outcome], text, fail_silently=True)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        found = getattr(request, "exportapp_notices", ())
        # A page that failed showed nothing: then they come again.
        if found and response.status_code < 500:
            shown(found)
        return response


def _is_page(request: HttpRequest) -> bool:
    """Whether a person looks at a page of an admin site, and is somebody."""
    match = request.resolver_match
    if request.method != "GET" or match is None or "admin" not in match.app_names:
        return False
    wanted = "text/html" in request.headers.get("Accept", "text/html")
    if not wanted or "HX-Request" in request.headers or match.url_name in NO_PAGES:
        return False
    user = getattr(request, "user", None)
    return bool(user and user.is_authenticated and hasattr(request, "_messages"))
