"""Asking for an export away from a list: what there is, its parameters, columns and presets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exportapp.admin.fileform import FileForm
from exportapp.exceptions import NotAllowed, RequestRefused, UnknownName
from exportapp.jobs import lifecycle, presets
from exportapp.jobs.rights import source_for, sources_of
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables.params import to_json
from exportapp.tables.readers import Policy
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import AnySource

PARAMETERS = "p"
"""The prefix of the parameters' fields, so that one may be called "columns" as well."""


class OptionsForm(forms.Form):
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: those that the export has by itself."),
    )
    policy = forms.ChoiceField(
        label=_("A value that cannot be written"),
        required=False,
        choices=[("", _("as usual")), *((policy, policy) for policy in get_args(Policy))],
    )
    preset_name = forms.CharField(
        label=_("Save as preset"), required=False, max_length=presets.NAME_LENGTH
    )
    shared = forms.BooleanField(label=_("For everybody"), required=False)

    def __init__(self, source: AnySource, viewer: Viewer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns: Any = self.fields["columns"]
        columns.choices = [(name, name) for name in source.available_columns(viewer)]
        if not presets.may_share(viewer.user):
            del self.fields["shared"]


@dataclass(frozen=True, slots=True)
class AskingPages:
    """The pages of one admin site."""

    site: AdminSite

    def urls(self) -> list[URLPattern]:
        guard = self.site.admin_view
        delete = require_POST(self.delete_view)
        return [
            path("new/", guard(self.list_view), name="exportapp_exportjob_new"),
            path("new/<str:label>/", guard(self.form_view), name="exportapp_exportjob_ask"),
            path("preset/<int:number>/delete/", guard(delete), name="exportapp_exportjob_forget"),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """What this person may export, and their presets."""
        known = [
            (preset, presets.may_change(request.user, preset))
            for preset in presets.presets_of(request.user)
        ]
        context = {"sources": sources_of(request.user, self.site.name), "presets": known}
        return self._page(request, "exportapp/new.html", _("New export"), context)

    def form_view(self, request: HttpRequest, label: str) -> HttpResponse:
        """The form of one export; a POST makes it, or saves it as a preset."""
        source = self._source(request, label)
        viewer = Viewer.now(request.user)
        preset = _preset(request)
        base, note = Selection(source=source.label, site=self.site.name), ""
        if preset:
            base, note = self._from(preset, viewer, base)
        data = request.POST if request.method == "POST" else None
        options = OptionsForm(source, viewer, data, initial=_initial(base, preset))
        parameters = _parameter_form(source, viewer, data, base.parameters)
        file = FileForm(data, preset.options if preset else {})
        # All of them, so that all errors are shown at once.
        if all([options.is_valid(), parameters.is_valid(), file.is_valid()]):
            given = to_json(parameters.fields, parameters.cleaned_data)
            chosen = tuple(options.cleaned_data["columns"]) or None
            asked = replace(base, columns=chosen, parameters=given)
            answer = self._do(request, viewer, asked, options, file)
            if answer:
                return answer
        elif note:
            messages.warning(request, note)
        context = {
            "source": source,
            "forms": [form for form in (parameters, options, file) if form.fields],
            "media": parameters.media + options.media,
            "preset": preset,
            "presets": presets.presets_of(request.user, source),
        }
        return self._page(request, "exportapp/ask.html", capfirst(source.title), context)

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

    def _do(
        self,
        request: HttpRequest,
        viewer: Viewer,
        asked: Selection,
        options: OptionsForm,
        file: FileForm,
    ) -> HttpResponse | None:
        """Make the export or save the preset; None, with an error on the form, when refused."""
        found = options.cleaned_data
        try:
            if "save" in request.POST:
                kept = presets.save_named(
                    viewer,
                    found["preset_name"],
                    asked,
                    policy=found["policy"],
                    options=file.given,
                    shared=found.get("shared", False),
                )
                messages.success(request, _("The preset “%s” is saved.") % kept)
                query = urlencode({"preset": kept.pk})
                return HttpResponseRedirect(f"{self._address('ask', asked.source)}?{query}")
            traceparent = request.headers.get("traceparent")
            job, is_new = lifecycle.create(
                asked,
                viewer,
                policy=found["policy"] or None,
                consistency=file.cleaned_data["consistency"] or None,
                options=file.given,
                traceparent=traceparent,
            )
        except (RequestRefused, NotAllowed) as error:
            options.add_error(None, str(error))
            return None
        said = (
            _("The export has begun.") if is_new else _("You already asked for this: here it is.")
        )
        messages.success(request, said)
        return HttpResponseRedirect(self._address("change", job.pk))

    def _source(self, request: HttpRequest, label: str) -> AnySource:
        try:
            return source_for(request.user, label, self.site.name)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        except UnknownName as error:
            raise Http404(str(error)) from error

    def _from(
        self, preset: ExportPreset, viewer: Viewer, otherwise: Selection
    ) -> tuple[Selection, str]:
        try:
            found = presets.recipe(preset, viewer)
        except (RequestRefused, NotAllowed) as error:
            return otherwise, str(error)
        return found.selection, found.note

    def _page(
        self, request: HttpRequest, template: str, title: Any, context: dict[str, Any]
    ) -> HttpResponse:
        shown = {**self.site.each_context(request), "title": title, "opts": ExportJob._meta}
        request.current_app = self.site.name
        return TemplateResponse(request, template, shown | context)

    def _address(self, view: str, *args: Any) -> str:
        name = f"admin:exportapp_exportjob_{view}"
        return reverse(name, args=args, current_app=self.site.name)


def _preset(request: HttpRequest) -> ExportPreset | None:
    number = request.GET.get("preset", "")
    if not number:
        return None
    try:
        return presets.preset_numbered(request.user, int(number))
    except ValueError as error:
        raise Http404(f"There is no preset {number}.") from error


def _initial(base: Selection, preset: ExportPreset | None) -> dict[str, Any]:
    kept = {"policy": preset.policy, "preset_name": preset.name} if preset else {}
    return {"columns": list(base.columns or ()), **kept}


def _parameter_form(source: AnySource, viewer: Viewer, data: Any, initial: Any) -> forms.Form:
    form = forms.Form(data, prefix=PARAMETERS, initial=dict(initial))
    form.fields.update(source.fields(viewer))
    for field in form.fields.values():
        if type(field.widget) is forms.DateInput:
            field.widget = AdminDateWidget()
    return form
