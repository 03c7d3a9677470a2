"""The exports of a person: the list, the page of one, its fragments, buttons and downloads."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache

from exportapp.admin.asking import AskingPages
from exportapp.admin.deeds import DEEDS, do, said_of_many
from exportapp.admin.downloads import send
from exportapp.admin.linking import LinkPages
from exportapp.admin.listing import JobChangeList, filters_for
from exportapp.admin.operations import OperationsPage
from exportapp.admin.pages import LIVE, PARTS, describe
from exportapp.admin.pressed import answer
from exportapp.jobs.delivery import deliver, deliver_manifest
from exportapp.jobs.early import deliver_shard
from exportapp.jobs.lookup import templates_for
from exportapp.jobs.rights import may_see
from exportapp.jobs.wakeups import wake_reconciler
from exportapp.jobs.words import asked_in_short, title_of_source, who
from exportapp.models import ExportJob

WHICH_LENGTH: Final = 120
"""Characters of what was asked for, in the list."""


@admin.register(ExportJob)
class ExportJobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Everybody on the staff sees their own exports, a superuser sees all.

    To have it on another AdminSite as well: `site.register(ExportJob, ExportJobAdmin)`.
    """

    list_display = ("what", "who", "created_at")
    list_per_page = 25
    actions = ("pause_selected", "resume_selected", "cancel_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        jobs = super().get_queryset(request).select_related("requested_by")
        visible: QuerySet[ExportJob] = jobs.visible_to(request.user)  # type: ignore[attr-defined]
        return visible

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return filters_for(request.user)

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

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        # The last cell has buttons, and those depend on who looks.
        shown = [*super().get_list_display(request), _progress_for(self, request)]
        return [name for name in shown if name != "who" or request.user.is_superuser]

    @admin.display(description=pgettext_lazy("export", "export"), ordering="source")
    def what(self, job: ExportJob) -> SafeString:
        asked = asked_in_short(job) or str(_("all rows of the list"))
        html = '{}<span class="export-unseen">:</span> <small class="export-which">{}</small>'
        return format_html(html, title_of_source(job), truncatechars(asked, WHICH_LENGTH))

    @admin.display(description=pgettext_lazy("export", "person"), ordering="requested_by")
    def who(self, job: ExportJob) -> str:
        return who(job)

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
        site, guard = self.admin_site, self.admin_site.admin_view
        download = guard(self.download_view)
        own = [
            # Outside the guard: see there.
            path("<uuid:pk>/part/<slug:part>/", never_cache(self.part_view), name=_named("part")),
            path("<uuid:pk>/do/<slug:deed>/", guard(self.deed_view), name=_named("do")),
            path("<uuid:pk>/download/", download, name=_named("download_all")),
            path("<uuid:pk>/download/<int:number>/", download, name=_named("download")),
            path("<uuid:pk>/shard/<int:number>/", guard(self.shard_view), name=_named("shard")),
            path("<uuid:pk>/manifest/", guard(self.manifest_view), name=_named("manifest")),
        ]
        pages = [*AskingPages(site).urls(), *OperationsPage(site).urls(), *LinkPages(self).urls()]
        return [*own, *pages, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Somebody looks: what is lost is found soon, also where no clock calls the reconciler."""
        wake_reconciler()
        own = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, own | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one export, with the same templates that the polls answer with."""
        return self.page(request, self.find(request, object_id), **(extra_context or {}))

    def part_view(self, request: HttpRequest, pk: Any, part: str) -> HttpResponse:
        """A fragment of the page or of the list: its figures while its state is as `seen`.

        `rows=1` says that the page it is for shows what only those with the right to the rows may
        have; it opens nothing.
        """
        if not self.has_view_permission(request):
            # The guard's redirect would put the login form into the place of the bar.
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        if part not in PARTS:
            raise Http404
        job = self.find(request, pk)
        if part not in LIVE:
            has_rows = request.GET.get("rows") == "1"
            return self.part(request, job, PARTS[part], has_rows=has_rows)
        if request.GET.get("seen") == job.status:
            return self.part(request, job, LIVE[part])
        response = self.part(request, job, PARTS[part])
        response["HX-Retarget"] = "closest [data-export-part]"
        return response

    def deed_view(self, request: HttpRequest, pk: Any, deed: str) -> HttpResponse:
        """Do what a button says; what cannot be taken back is asked first, by a GET."""
        if deed not in DEEDS:
            raise Http404
        job = self.find(request, pk)
        if request.method == "GET" and DEEDS[deed].asks:
            return self.page(request, job, template="sure.html", deed=deed)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return answer(self, request, job, do(deed, job, request.user))

    def download_view(
        self, request: HttpRequest, pk: Any, number: int | None = None
    ) -> HttpResponseBase:
        """File `number`; without a number the file, or all of several as one zip."""
        job = self.find(request, pk)
        return send(request, job, lambda: deliver(job, request.user, number), self.page)

    def shard_view(self, request: HttpRequest, pk: Any, number: int) -> HttpResponseBase:
        """A shard that is written, while the others are not."""
        job = self.find(request, pk)
        return send(request, job, lambda: deliver_shard(job, request.user, number), self.page)

    def manifest_view(self, request: HttpRequest, pk: Any) -> HttpResponseBase:
        """What was made of what."""
        job = self.find(request, pk)
        return send(request, job, lambda: deliver_manifest(job, request.user), self.page)

    def find(self, request: HttpRequest, pk: Any) -> ExportJob:
        """Raises Http404 for what this person may not see."""
        job: ExportJob | None = self.get_object(request, str(pk))
        if job is None:
            raise Http404
        return job

    def context(self, request: HttpRequest, job: ExportJob, **known: Any) -> dict[str, Any]:
        """What the templates of a job are given."""
        urls = f"{self.admin_site.name}:{_named('')}"
        return describe(job, request.user, **known) | {"urls": urls, "opts": self.opts}

    def part(
        self, request: HttpRequest, job: ExportJob, name: str, extra: Any = None, **known: Any
    ) -> TemplateResponse:
        """One fragment, by the templates of its model."""
        request.current_app = self.admin_site.name
        context = self.context(request, job, **known) | (extra or {})
        return TemplateResponse(request, templates_for(job.source, name), context)

    def page(
        self,
        request: HttpRequest,
        job: ExportJob,
        *,
        template: str = "job.html",
        status: int = 200,
        **extra: Any,
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            **self.context(request, job),
            "title": _("Export of %(rows)s") % {"rows": title_of_source(job)},
            **extra,
        }
        names = templates_for(job.source, template)
        return TemplateResponse(request, names, context, status=status)

    def _do_all(self, request: HttpRequest, deed: str, jobs: QuerySet[ExportJob]) -> None:
        outcomes = [do(deed, job, request.user) for job in jobs]
        for outcome in (found for found in outcomes if found.refusal):
            said = f"{title_of_source(outcome.job)}: {outcome.refusal}"
            self.message_user(request, said, messages.ERROR)
        done = sum(not outcome.refusal for outcome in outcomes)
        if done:
            self.message_user(request, said_of_many(deed, done))


def _progress_for(job_admin: ExportJobAdmin, request: HttpRequest) -> Any:
    @admin.display(description=pgettext_lazy("export", "progress"), ordering="status")
    def progress(job: ExportJob) -> SafeString:
        context = job_admin.context(request, job)
        return render_to_string(templates_for(job.source, PARTS["row"]), context, request)

    return progress


def _named(view: str) -> str:
    return f"exportapp_exportjob_{view}"
