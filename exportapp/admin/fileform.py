"""How the file is to be, as a form: every option, and "as usual" for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from exportapp.jobs.filenames import NAME_LENGTH
from exportapp.jobs.options import CHOICES, NAMES, OF_FORMAT, Options

LABELS: Final[dict[str, Any]] = {
    "format": pgettext_lazy("export", "Format"),
    "filename": _("File name"),
    "compact": _("Cells without references"),
    "strings": _("Where texts are kept"),
    "verify": _("Read the file back before it is handed out"),
    "bom": _("Byte order mark"),
    "delimiter": pgettext_lazy("export", "Delimiter"),
    "formulas": _("Texts that look like formulas"),
    "gzip": pgettext_lazy("export", "Compressed"),
}

WORDS: Final[dict[str, Any]] = {
    "xlsx": _("Excel workbook (.xlsx)"),
    "csv": _("Text with delimiters (.csv)"),
    "parquet": _("Parquet (.parquet)"),
    "inline": _("in the cells"),
    "auto": _("few different ones once, others in the cells"),
    "shared": _("all in one table"),
    "escape": _("made safe by an apostrophe"),
    "keep": _("as they are"),
    ",": pgettext_lazy("delimiter", "comma"),
    ";": pgettext_lazy("delimiter", "semicolon"),
    "\t": pgettext_lazy("delimiter", "tab"),
    "|": pgettext_lazy("delimiter", "vertical bar"),
    "true": _("yes"),
    "false": _("no"),
}


def as_usual(words: Any) -> tuple[str, str]:
    """The choice to choose nothing, which says in `words` what comes of it."""
    return "", gettext("as usual: %(value)s") % {"value": words}


class FileForm(forms.Form):
    """`given` has what a person chose; what stays as usual is not in it."""

    def __init__(self, data: Any, kept: Mapping[str, Any]) -> None:
        """`kept` are the options of a preset."""
        texts = {name: _word(value) for name, value in kept.items()}
        super().__init__(data, initial=texts)
        for name in NAMES:
            self.fields[name] = _field(name)

    @property
    def given(self) -> dict[str, str]:
        """The options, by name."""
        found = {name: self.cleaned_data[name] for name in NAMES}
        return {name: value for name, value in found.items() if value}

    @property
    def usual_format(self) -> str:
        """The format that "as usual" stands for."""
        return Options.asked().format

    def of_all(self) -> list[forms.BoundField]:
        """The fields that every format has."""
        return [self[name] for name in NAMES if name not in OF_FORMAT]

    def of_one(self) -> list[tuple[str, Any, list[forms.BoundField]]]:
        """Each format that has fields of its own, its name for people, and those fields."""
        return [
            (format, WORDS[format], [self[name] for name in NAMES if OF_FORMAT.get(name) == format])
            for format in CHOICES["format"]
            if format in OF_FORMAT.values()
        ]


def _field(name: str) -> forms.Field:
    if name == "filename":
        return forms.CharField(label=LABELS[name], required=False, max_length=NAME_LENGTH)
    return forms.ChoiceField(label=LABELS[name], required=False, choices=_choices(name))


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(name: str) -> list[tuple[str, str | Promise]]:
    values = CHOICES.get(name, ("true", "false"))
    of_its_format = {"format": OF_FORMAT[name]} if name in OF_FORMAT else {}
    usual = _word(getattr(Options.asked(of_its_format), name))
    return [as_usual(WORDS[usual]), *((value, WORDS[value]) for value in values)]
