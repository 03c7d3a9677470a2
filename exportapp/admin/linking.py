"""The button that makes a link to a finished file; the link is shown once and kept nowhere.

Links are opened by the REST face, so there is a button only where that has an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone

from exportapp.admin.downloads import or_why_not
from exportapp.admin.pressed import page_of
from exportapp.jobs.durations import about
from exportapp.jobs.links import make_link, path_of
from exportapp.models import ExportJob

if TYPE_CHECKING:
    from exportapp.admin.jobs import ExportJobAdmin


class LinkPages:
    def __init__(self, job_admin: ExportJobAdmin) -> None:
        self._job_admin = job_admin

    def urls(self) -> list[URLPattern]:
        view = self._job_admin.admin_site.admin_view(self.link_view)
        name = "exportapp_exportjob_link"
        return [
            path("<uuid:pk>/link/", view, name=f"{name}_all"),
            path("<uuid:pk>/link/<int:number>/", view, name=name),
        ]

    def link_view(
        self, request: HttpRequest, pk: Any, number: int | None = None
    ) -> HttpResponseBase:
        """Make a link to file `number`, or to all of them, and show it on the page."""
        job = self._job_admin.find(request, pk)
        if request.method != "POST":
            # Whoever had to sign in again on the way is led back by a GET.
            return redirect(page_of(self._job_admin, job))
        if not path_of("token"):
            raise Http404
        return or_why_not(
            request, job, lambda: self._shown(request, job, number), self._job_admin.page
        )

    def _shown(self, request: HttpRequest, job: ExportJob, number: int | None) -> HttpResponse:
        link = make_link(job, request.user, number)
        told = {
            "url": request.build_absolute_uri(path_of(link.token)),
            "filename": link.filename,
            "expires_at": link.expires_at,
            "good_for": about((link.expires_at - timezone.now()).total_seconds()),
        }
        return self._job_admin.page(request, job, link=told)
