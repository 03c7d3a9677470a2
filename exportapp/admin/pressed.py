"""What is answered to a button: the fragment it stands in for htmx, a page without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from exportapp.admin.deeds import Outcome
from exportapp.admin.pages import PARTS
from exportapp.jobs.words import title_of_source
from exportapp.models import ExportJob

if TYPE_CHECKING:
    from exportapp.admin.jobs import ExportJobAdmin


def answer(
    job_admin: ExportJobAdmin, request: HttpRequest, job: ExportJob, outcome: Outcome
) -> HttpResponse:
    """What became of a deed on `job`, as the page that it came from can show it."""
    part = request.POST.get("part", "")
    is_new = outcome.job.pk != job.pk
    if request.headers.get("HX-Request") and part in PARTS and not is_new:
        extra = {"refusal": outcome.refusal, "what_now": outcome.said}
        return job_admin.part(request, outcome.job, PARTS[part], extra)
    said, level = outcome.said, messages.SUCCESS
    if outcome.refusal:
        said, level = f"{title_of_source(job)}: {outcome.refusal}", messages.ERROR
    job_admin.message_user(request, said, level)
    its_page = page_of(job_admin, outcome.job)
    if not is_new:
        return HttpResponseRedirect(_came_from(request) or its_page)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": its_page})
    return HttpResponseRedirect(its_page)


def page_of(job_admin: ExportJobAdmin, job: ExportJob) -> str:
    name = "admin:exportapp_exportjob_change"
    return reverse(name, args=[job.pk], current_app=job_admin.admin_site.name)


def _came_from(request: HttpRequest) -> str:
    """The page the button was on, with its filters; empty for one that only asked, or unknown."""
    came_from = request.headers.get("Referer", "")
    hosts = {request.get_host()}
    if not url_has_allowed_host_and_scheme(came_from, hosts, require_https=request.is_secure()):
        return ""
    return "" if came_from.partition("?")[0].endswith(request.path) else came_from
