"""The operations page, for superusers: how the whole of it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache

from exportapp.admin.happened import details
from exportapp.conf import conf
from exportapp.jobs.durations import about
from exportapp.jobs.operations import operations
from exportapp.models import ExportJob

WORKER_STATES: Final[dict[str, Promise]] = {
    "started": pgettext_lazy("worker", "started"),
    "idle": pgettext_lazy("worker", "idle"),
    "busy": pgettext_lazy("worker", "busy"),
    "suspended": pgettext_lazy("worker", "suspended"),
}
"""RQ's own words for what a worker does."""


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """The page of one admin site."""

    site: AdminSite

    def urls(self) -> list[URLPattern]:
        view = self.site.admin_view(never_cache(self.view))
        return [path("operations/", view, name="exportapp_exportjob_operations")]

    def view(self, request: HttpRequest) -> HttpResponse:
        if not getattr(request.user, "is_superuser", False):
            raise PermissionDenied
        found = operations()
        listeners = found.roster.listeners if found.roster else ()
        context: dict[str, Any] = {
            **self.site.each_context(request),
            "title": pgettext_lazy("export", "Operations"),
            "opts": ExportJob._meta,
            "found": found,
            "queue": conf.QUEUE,
            "lag": None if found.lag is None else about(found.lag.total_seconds()),
            "turn_age": None if found.last_turn is None else about(found.last_turn.age),
            "workers": [
                (worker, WORKER_STATES.get(worker.state, worker.state)) for worker in listeners
            ],
            "alarms": [(event, details(event)) for event in found.alarms],
            "rq_address": _address_of_rq(self.site.name),
        }
        request.current_app = self.site.name
        return TemplateResponse(request, "exportapp/operations.html", context)


def _address_of_rq(site: str) -> str:
    """django-rq's own pages, where the project shows them; else empty."""
    for name, app in (("admin:django_rq_home", site), ("django_rq:home", None)):
        try:
            return reverse(name, current_app=app)
        except NoReverseMatch:
            continue
    return ""
