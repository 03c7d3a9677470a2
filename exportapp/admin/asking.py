"""Asking for an export: what there is, and the page on which everything is chosen and started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from exportapp.admin.askform import SHOWING, AskForm, is_sent
from exportapp.admin.carried import is_short
from exportapp.exceptions import NotAllowed, ParameterRefused, RequestRefused, UnknownName
from exportapp.jobs import lifecycle, presets
from exportapp.jobs.lookup import templates_for
from exportapp.jobs.preview import ROWS, preview
from exportapp.jobs.rights import source_for, sources_of
from exportapp.jobs.words import title_of, what_is_asked
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import AnySource, Source


@dataclass(frozen=True, slots=True)
class AskingPages:
    """The pages of one admin site."""

    site: AdminSite

    def urls(self) -> list[URLPattern]:
        guard: Callable[..., Any] = self.site.admin_view
        delete = require_POST(self.delete_view)
        # Not "no-store", which the admin sets: with it a browser that goes back forgets the form.
        kept = cache_control(private=True, no_cache=True)
        ask = kept(guard(self.form_view, cacheable=True))
        return [
            path("new/", guard(self.list_view), name="exportapp_exportjob_new"),
            path("new/<str:label>/", ask, name="exportapp_exportjob_ask"),
            path("preset/<int:number>/delete/", guard(delete), name="exportapp_exportjob_forget"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """What this person may export, and their presets."""
        known = [
            (
                preset,
                title_of(preset.source, self.site.name),
                presets.may_change(request.user, preset),
            )
            for preset in presets.presets_of(request.user)
        ]
        context = {"sources": sources_of(request.user, self.site.name), "presets": known}
        return self._page(request, ["exportapp/new.html"], _("New export"), context)

    def form_view(self, request: HttpRequest, label: str) -> HttpResponse:
        """The form of one export; its first button makes it, the others save or show."""
        source = self._source(request, label)
        viewer = Viewer.now(request.user)
        preset = _preset(request)
        base, note = self._base(source, viewer, preset)
        form = AskForm.of(request, source, viewer, base, preset)
        sent = is_sent(request) and form.is_valid()
        if sent and not any(name in request.POST for name in SHOWING):
            answer = self._do(request, form)
            if answer:
                return answer
        elif note and not is_sent(request):
            messages.warning(request, note)
        if request.headers.get("HX-Request"):
            return self._preview(request, source, form, sent)
        shows = sent and "preview" in request.POST
        context = {
            "source": source,
            "form": form,
            "words": self._words(source, form, sent),
            "list_url": self._list_url(source, form),
            "presets": presets.presets_of(request.user, source),
            "rows": ROWS,
            "preview": _previewed(form) if shows else None,
            "preview_templates": templates_for(source.label, "_preview.html"),
        }
        title = _("Export %(rows)s") % {"rows": source.title}
        return self._page(request, templates_for(source.label, "ask.html"), title, context)

    def delete_view(self, request: HttpRequest, number: int) -> HttpResponse:
        try:
            preset = presets.preset_numbered(request.user, number)
            presets.delete(preset, request.user)
        except UnknownName as error:
            raise Http404(str(error)) from error
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        messages.success(request, _("The preset “%s” is gone.") % preset)
        return HttpResponseRedirect(self._address("new"))

    def _do(self, request: HttpRequest, form: AskForm) -> HttpResponse | None:
        """Make the export or save the preset; None, with an error on the form, when refused."""
        try:
            return (
                self._save(request, form) if "save" in request.POST else self._start(request, form)
            )
        except (RequestRefused, NotAllowed) as error:
            form.options.add_error(None, str(error))
            return None

    def _start(self, request: HttpRequest, form: AskForm) -> HttpResponse:
        job, is_new = lifecycle.create(
            form.selection,
            form.viewer,
            policy=form.cleaned("policy") or None,
            consistency=form.cleaned("consistency") or None,
            options=form.file.given,
            notify=form.cleaned("notify"),
            traceparent=request.headers.get("traceparent"),
        )
        return to_job(request, self.site, job, is_new)

    def _save(self, request: HttpRequest, form: AskForm) -> HttpResponse | None:
        kept = presets.save_named(
            form.viewer,
            form.cleaned("preset_name"),
            # Which rows were ticked today is nothing to ask for again.
            replace(form.selection, keys=None),
            policy=form.cleaned("policy"),
            options=form.file.given,
            notify=form.cleaned("notify"),
            shared=form.cleaned("shared") or False,
        )
        messages.success(request, _("The preset “%s” is saved.") % kept)
        page = form.carried.address(self._address("ask", kept.source), preset=kept.pk)
        return HttpResponseRedirect(page) if is_short(page) else None

    def _preview(
        self, request: HttpRequest, source: AnySource, form: AskForm, valid: bool
    ) -> HttpResponse:
        context = {"preview": _previewed(form) if valid else {"refusal": " ".join(form.refusals)}}
        return TemplateResponse(request, templates_for(source.label, "_preview.html"), context)

    def _words(self, source: AnySource, form: AskForm, valid: bool) -> dict[str, str]:
        """What will be exported, or why that cannot be said."""
        selection = form.base if form.options.is_bound and not valid else form.selection
        try:
            settled = source.settled(selection, form.viewer)
            sheets = source.sheets(settled, form.viewer)
            return {"said": what_is_asked(source, settled, form.viewer, sheets)}
        except ParameterRefused:
            return {}
        except (RequestRefused, NotAllowed) as error:
            return {"refusal": str(error)}

    def _list_url(self, source: AnySource, form: AskForm) -> str:
        if form.carried.filters is None or not isinstance(source, Source):
            return ""
        opts = source.model._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_changelist"
        return f"{reverse(name, current_app=self.site.name)}?{form.carried.filters}"

    def _source(self, request: HttpRequest, label: str) -> AnySource:
        try:
            return source_for(request.user, label, self.site.name)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        except UnknownName as error:
            raise Http404(str(error)) from error

    def _base(
        self, source: AnySource, viewer: Viewer, preset: ExportPreset | None
    ) -> tuple[Selection, str]:
        plain = Selection(source=source.label, site=self.site.name)
        if preset is None:
            return plain, ""
        try:
            found = presets.recipe(preset, viewer)
        except (RequestRefused, NotAllowed) as error:
            return plain, str(error)
        return found.selection, found.note

    def _page(
        self, request: HttpRequest, template: list[str], title: Any, context: dict[str, Any]
    ) -> HttpResponse:
        shown = {**self.site.each_context(request), "title": title, "opts": ExportJob._meta}
        request.current_app = self.site.name
        return TemplateResponse(request, template, shown | context)

    def _address(self, view: str, *args: Any) -> str:
        name = f"admin:exportapp_exportjob_{view}"
        return reverse(name, args=args, current_app=self.site.name)


def to_job(request: HttpRequest, site: AdminSite, job: ExportJob, is_new: bool) -> HttpResponse:
    """The page of the export, with a word on whether this click made it."""
    if is_new:
        messages.success(request, _("The export has begun."))
    else:
        messages.info(request, _("You already asked for this: here it is."))
    name = "admin:exportapp_exportjob_change"
    return HttpResponseRedirect(reverse(name, args=[job.pk], current_app=site.name))


def _previewed(form: AskForm) -> dict[str, Any]:
    try:
        return {"sheets": preview(form.selection, form.viewer)}
    except (RequestRefused, NotAllowed) as error:
        return {"refusal": str(error)}


def _preset(request: HttpRequest) -> ExportPreset | None:
    """The one that is chosen now, else the one that the page has."""
    chosen = "use_preset" if "use" in request.POST else "preset"
    number = request.POST.get(chosen, request.GET.get("preset", ""))
    if not number:
        return None
    try:
        return presets.preset_numbered(request.user, int(number))
    except ValueError as error:
        raise Http404(f"There is no preset {number}.") from error
