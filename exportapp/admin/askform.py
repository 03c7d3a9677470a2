"""Everything that the asking page asks, as one form of several parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from exportapp.admin.carried import Carried, is_arrival
from exportapp.admin.columnform import ColumnForm
from exportapp.admin.fileform import FileForm, as_usual
from exportapp.admin.noticefield import notice_field
from exportapp.conf import conf
from exportapp.jobs import presets
from exportapp.models import Consistency, ExportPreset
from exportapp.tables.params import to_json
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import AnySource

PARAMETERS: Final = "p"
"""The prefix of the parameters' fields, so that one may be called "columns" as well."""

POLICIES: Final = {
    "blank": _("leave its cell blank and count it"),
    "skip": _("leave out its row and count it"),
    "fail": _("stop the export"),
}

SHOWING: Final = ("use", "preview", "move", "tick")
"""The buttons that only change what the page shows."""


class OptionsForm(forms.Form):
    codes = forms.BooleanField(
        label=_("Codes instead of labels"),
        required=False,
        help_text=_("For columns of choices: “paid” as it is stored, not as it is shown."),
    )
    consistency = forms.ChoiceField(label=_("Moment of reading"), required=False)
    policy = forms.ChoiceField(label=_("A value that cannot be written"), required=False)
    preset_name = forms.CharField(
        label=_("Name of the preset"), required=False, max_length=presets.NAME_LENGTH
    )
    shared = forms.BooleanField(label=_("For everybody"), required=False)

    def __init__(self, viewer: Viewer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("consistency", dict(Consistency.choices), conf.CONSISTENCY)
        self._offer("policy", POLICIES, conf.BAD_VALUES)
        notify = notice_field(viewer.user)
        if notify.choices:
            self.fields["notify"] = notify
        if not presets.may_share(viewer.user):
            del self.fields["shared"]

    def _offer(self, name: str, words: Mapping[str, Any], usual: str) -> None:
        field: Any = self.fields[name]
        field.choices = [as_usual(words[usual]), *words.items()]


@dataclass(frozen=True, slots=True)
class AskForm:
    """Bound where the page was sent."""

    viewer: Viewer
    base: Selection
    """Rows of the list or of the preset; the form says the rest."""
    carried: Carried
    preset: ExportPreset | None
    columns: ColumnForm
    options: OptionsForm
    parameters: forms.Form
    file: FileForm

    @classmethod
    def of(
        cls,
        request: HttpRequest,
        source: AnySource,
        viewer: Viewer,
        base: Selection,
        preset: ExportPreset | None,
    ) -> AskForm:
        carried = Carried.of(request)
        base = carried.over(base)
        data = request.POST if is_sent(request) else None
        initial: dict[str, Any] = {"codes": base.codes}
        if preset:
            initial |= {"policy": preset.policy, "preset_name": preset.name}
            if preset.notify is not None:
                initial["notify"] = preset.notify
        return cls(
            viewer=viewer,
            base=base,
            carried=carried,
            preset=preset,
            columns=ColumnForm.of(source, viewer, base)
            if data is None
            else ColumnForm.posted(source, viewer, data),
            options=OptionsForm(viewer, data, initial=initial),
            parameters=_parameter_form(source, viewer, data, base.parameters),
            file=FileForm(data, preset.options if preset else {}),
        )

    def is_valid(self) -> bool:
        # All of them, so that all errors are shown at once.
        parts = (self.columns, self.options, self.parameters, self.file)
        valid = [part.is_valid() for part in parts]
        return all(valid)

    @property
    def selection(self) -> Selection:
        """What is asked for; of a valid form, or of one that nobody sent yet."""
        return replace(
            self.base,
            columns=self.columns.chosen,
            titles=self.columns.given_titles,
            codes=self.cleaned("codes") or False,
            parameters=self._parameters(),
        )

    def cleaned(self, name: str) -> Any:
        if not self.options.is_bound:
            return self.options.initial.get(name)
        return self.options.cleaned_data.get(name)

    @property
    def media(self) -> Any:
        return self.parameters.media + self.options.media

    @property
    def refusals(self) -> list[str]:
        """What belongs to no single field."""
        if not self.options.is_bound:
            return []
        found = list(self.columns.errors)
        for part in self._parts:
            found += map(str, part.non_field_errors())
        return found

    @property
    def errors(self) -> list[str]:
        """The same for the top of the page, where nothing goes unsaid."""
        if self.refusals or not any(part.errors for part in self._parts):
            return self.refusals
        return [str(_("Please correct the error below."))]

    @property
    def _parts(self) -> tuple[forms.Form, ...]:
        return (self.options, self.parameters, self.file)

    def _parameters(self) -> dict[str, Any]:
        if not self.parameters.is_bound:
            return dict(self.base.parameters)
        return to_json(self.parameters.fields, self.parameters.cleaned_data)


def is_sent(request: HttpRequest) -> bool:
    """Whether the page itself was sent, and its fields are to stay as they are."""
    return request.method == "POST" and not is_arrival(request) and "use" not in request.POST


def _parameter_form(source: AnySource, viewer: Viewer, data: Any, initial: Any) -> forms.Form:
    form = forms.Form(data, prefix=PARAMETERS, initial=dict(initial))
    form.fields.update(source.fields(viewer))
    for field in form.fields.values():
        if type(field.widget) is forms.DateInput:
            field.widget = AdminDateWidget()
    return form
