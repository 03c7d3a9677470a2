"""The exports of a person: the list, the page of one, its fragments, buttons and downloads."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from exportapp.admin.asking import AskingPages
from exportapp.admin.downloads import send
from exportapp.admin.pages import DEEDS, LIVE, PARTS, describe, title_of_source
from exportapp.exceptions import IllegalTransition, NotAllowed, RequestRefused
from exportapp.jobs.delivery import deliver, deliver_manifest
from exportapp.jobs.rights import may_see
from exportapp.jobs.wakeups import wake_reconciler
from exportapp.models import ExportJob
from exportapp.tables.bounds import require_query


class JobChangeList(ChangeList):
    def get_queryset(self, request: HttpRequest, *args: Any) -> QuerySet[Any]:
        try:
            require_query(dict(request.GET.lists()))
        except RequestRefused as error:
            raise IncorrectLookupParameters(error) from error
        return super().get_queryset(request, *args).prefetch_related("files").defer("manifest")


@admin.register(ExportJob)
class ExportJobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Everybody on the staff sees their own exports, a superuser sees all.

    To have it on another AdminSite as well: `site.register(ExportJob, ExportJobAdmin)`.
    """

    list_display = ("what", "requested_by", "created_at", "progress")
    list_filter = ("status",)
    list_per_page = 25
    actions = ("pause_selected", "resume_selected", "cancel_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        jobs = super().get_queryset(request).select_related("requested_by")
        visible: QuerySet[ExportJob] = jobs.visible_to(request.user)  # type: ignore[attr-defined]
        return visible

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: ExportJob | None = None) -> bool:
        return self.admin_site.has_permission(request) and (
            obj is None or may_see(request.user, obj)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ExportJob | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ExportJob | None = None) -> bool:
        return False

    @admin.display(description=_("export"), ordering="source")
    def what(self, job: ExportJob) -> str:
        return title_of_source(job)

    @admin.display(description=_("progress"), ordering="status")
    def progress(self, job: ExportJob) -> SafeString:
        return render_to_string(PARTS["row"], self._context(job))

    @admin.action(description=_("Pause selected exports"))
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[ExportJob]) -> None:
        self._do_all(request, "pause", queryset)

    @admin.action(description=_("Resume selected exports"))
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[ExportJob]) -> None:
        self._do_all(request, "resume", queryset)

    @admin.action(description=_("Cancel selected exports"))
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[ExportJob]) -> None:
        self._do_all(request, "cancel", queryset)

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        download = guard(self.download_view)
        own = [
            # Outside the guard: see there.
            path("<uuid:pk>/part/<slug:part>/", never_cache(self.part_view), name=_named("part")),
            path("<uuid:pk>/do/<slug:deed>/", guard(self.deed_view), name=_named("do")),
            path("<uuid:pk>/download/", download, name=_named("download_all")),
            path("<uuid:pk>/download/<int:number>/", download, name=_named("download")),
            path("<uuid:pk>/manifest/", guard(self.manifest_view), name=_named("manifest")),
        ]
        return [*own, *AskingPages(self.admin_site).urls(), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Somebody looks: what is lost is found soon, also where no clock calls the reconciler."""
        wake_reconciler()
        return super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one export, with the same templates that the polls answer with."""
        return self._page(request, self._find(request, object_id), **(extra_context or {}))

    def part_view(self, request: HttpRequest, pk: Any, part: str) -> HttpResponse:
        """A fragment of the page or of the list: its figures while its state is as `seen`."""
        if not self.has_view_permission(request):
            # The guard's redirect would put the login form into the place of the bar.
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        if part not in PARTS:
            raise Http404
        job = self._find(request, pk)
        if part in LIVE and request.GET.get("seen") == job.status:
            return TemplateResponse(request, LIVE[part], self._context(job))
        whole = {"HX-Retarget": "closest [data-export-part]"}
        return TemplateResponse(request, PARTS[part], self._context(job), headers=whole)

    def deed_view(self, request: HttpRequest, pk: Any, deed: str) -> HttpResponse:
        """Pause, resume or cancel; answers htmx with the fragment that it named in `part`."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if deed not in DEEDS:
            raise Http404
        job = self._find(request, pk)
        refusal = _do(deed, job, request.user)
        part = request.POST.get("part", "")
        if request.headers.get("HX-Request") and part in PARTS:
            context = self._context(job) | {"refusal": refusal}
            return TemplateResponse(request, PARTS[part], context)
        if refusal:
            self.message_user(request, f"{title_of_source(job)}: {refusal}", messages.ERROR)
        return HttpResponseRedirect(self._back(request, job))

    def download_view(
        self, request: HttpRequest, pk: Any, number: int | None = None
    ) -> HttpResponseBase:
        """File `number`; without a number the file, or all of several as one zip."""
        job = self._find(request, pk)
        return send(request, job, lambda: deliver(job, request.user, number), self._page)

    def manifest_view(self, request: HttpRequest, pk: Any) -> HttpResponseBase:
        """What was made of what."""
        job = self._find(request, pk)
        return send(request, job, lambda: deliver_manifest(job, request.user), self._page)

    def _find(self, request: HttpRequest, pk: Any) -> ExportJob:
        job: ExportJob | None = self.get_object(request, str(pk))
        if job is None:
            raise Http404
        return job

    def _context(self, job: ExportJob) -> dict[str, Any]:
        return describe(job) | {"urls": f"{self.admin_site.name}:{_named('')}"}

    def _page(
        self, request: HttpRequest, job: ExportJob, *, status: int = 200, **extra: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **self._context(job),
            "title": _("Export of %(rows)s") % {"rows": title_of_source(job)},
            "opts": self.opts,
            **extra,
        }
        return TemplateResponse(request, "exportapp/job.html", context, status=status)

    def _back(self, request: HttpRequest, job: ExportJob) -> str:
        """The page the button was on, with its filters; the job's own page if that is unknown."""
        came_from = request.headers.get("Referer", "")
        if url_has_allowed_host_and_scheme(
            came_from, {request.get_host()}, require_https=request.is_secure()
        ):
            return came_from
        return reverse(
            "admin:exportapp_exportjob_change", args=[job.pk], current_app=self.admin_site.name
        )

    def _do_all(self, request: HttpRequest, deed: str, jobs: QuerySet[ExportJob]) -> None:
        refusals = {job: _do(deed, job, request.user) for job in jobs}
        for job, refusal in refusals.items():
            if refusal:
                self.message_user(request, f"{title_of_source(job)}: {refusal}", messages.ERROR)
        done = sum(not refusal for refusal in refusals.values())
        if done:
            text = ngettext("%(count)d export: %(deed)s.", "%(count)d exports: %(deed)s.", done)
            self.message_user(request, text % {"count": done, "deed": DEEDS[deed][0]})


def _do(deed: str, job: ExportJob, user: Any) -> str:
    """Do it through the doorway; returns why not, or nothing."""
    try:
        DEEDS[deed][1](job, user=user)
    except (IllegalTransition, NotAllowed, RequestRefused) as error:
        return str(error)
    return ""


def _named(view: str) -> str:
    return f"exportapp_exportjob_{view}"
