"""The registered `Export` classes: names, columns, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils import timezone

from exportapp.checks.words import message
from exportapp.exceptions import RequestRefused, SourceChanged
from exportapp.tables.exports import Export, registered
from exportapp.tables.params import is_fit
from exportapp.tables.registered import ExportSource
from exportapp.tables.selection import Operator, Selection, Viewer

RESERVED = ("name", "date")
"""Words of a file name that are no parameters."""


def names_taken() -> Iterator[CheckMessage]:
    taken: dict[str, Export] = {}
    for export in registered():
        other = taken.setdefault(export.name.lower(), export)
        error = f"{_path(other)} has it already." if other is not export else ""
        try:
            validate_slug(export.name)
        except ValidationError:
            error = "this is no name."
        if error:
            yield message("E013", export=_path(export), name=export.name, error=error)


def exports_incomplete() -> Iterator[CheckMessage]:
    for export in registered():
        for what in ("model", "title", "columns"):
            if not getattr(export, what, None):
                yield message("E014", export=_path(export), what=what)


def parameters_unfit() -> Iterator[CheckMessage]:
    for export in registered():
        for name, field in export.parameters.items():
            if error := _unfit(name, field):
                yield message("E015", export=_path(export), parameter=name, error=error)


def exports_unfit() -> Iterator[CheckMessage]:
    language, time_zone = settings.LANGUAGE_CODE, timezone.get_default_timezone_name()
    viewer = Viewer(user=Operator(), language=language, time_zone=time_zone)
    for export in registered():
        if getattr(export, "model", None) and not any(
            _unfit(name, field) for name, field in export.parameters.items()
        ):
            error = _bad_pattern(export) or _refusal(ExportSource(export), viewer)
            if error:
                yield message("E016", export=_path(export), error=error)


def _unfit(name: str, field: Any) -> str:
    """What is wrong with a declared parameter; empty when nothing is."""
    if not str(name).isidentifier() or name in RESERVED:
        return f"'{name}' cannot be its name."
    if not is_fit(field):
        return f"{field!r} is no form field that can be a parameter."
    if isinstance(field, forms.BooleanField) and field.required:
        return "a required BooleanField takes only True; say required=False."
    if isinstance(field, forms.ModelChoiceField) or field.initial in (None, "", []):
        return ""
    try:
        field.clean(field.initial() if callable(field.initial) else field.initial)
    except ValidationError as error:
        return f"its default {field.initial!r} is refused: {' '.join(error.messages)}"
    return ""


def _bad_pattern(export: Export) -> str:
    words = dict.fromkeys([*export.parameters, *RESERVED], "")
    try:
        export.filename.format_map(words)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        return f"its filename '{export.filename}' cannot be made ({error!r})."
    return ""


def _refusal(source: ExportSource, viewer: Viewer) -> RequestRefused | SourceChanged | None:
    try:
        asked = source.settled(Selection(source=source.label), viewer)
        source.sheets(asked, viewer)
    except (RequestRefused, SourceChanged) as error:
        missing = any(field.required for field in source.export.parameters.values())
        return None if missing else error
    except Exception:
        # Its get_queryset() may need a real person or tables that are not there yet.
        return None
    return None


def _path(export: Export) -> str:
    return f"{type(export).__module__}.{type(export).__qualname__}"
