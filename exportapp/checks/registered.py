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

from exportapp.checks.words import message, path_of
from exportapp.exceptions import RequestRefused, SourceChanged
from exportapp.tables.exports import Export, Sheet, registered
from exportapp.tables.params import is_fit
from exportapp.tables.registered import ExportSource
from exportapp.tables.selection import Operator, Selection, Viewer

RESERVED = ("name", "date")
"""Words of a file name that are no parameters."""

OWN = ("model", "columns", "get_queryset")
"""What an export with sheets leaves to them."""


def names_taken() -> Iterator[CheckMessage]:
    taken: dict[str, Export] = {}
    for export in registered():
        other = taken.setdefault(export.name.lower(), export)
        error = f"{path_of(other)} has it already." if other is not export else ""
        try:
            validate_slug(export.name)
        except ValidationError:
            error = "this is no name."
        if error:
            yield message("E013", export=path_of(export), name=export.name, error=error)


def exports_incomplete() -> Iterator[CheckMessage]:
    for export in registered():
        if not export.title:
            yield message("E014", export=path_of(export), what="title")
        for part in _parts(export):
            for what in ("model", "columns"):
                if not getattr(part, what, None):
                    yield message("E014", export=path_of(part), what=what)


def sheets_unfit() -> Iterator[CheckMessage]:
    for export in registered():
        taken = set[str]()
        for sheet in export.sheets:
            if error := _unfit_sheet(sheet, taken):
                yield message("E018", export=path_of(export), error=error)
        for own in OWN if export.sheets else ():
            if getattr(type(export), own, None) is not getattr(Export, own, None):
                error = f"it has `{own}` of its own beside them, which no sheet shows."
                yield message("E018", export=path_of(export), error=error)


def parameters_unfit() -> Iterator[CheckMessage]:
    for export in registered():
        for name, field in export.parameters.items():
            if error := _unfit(name, field):
                yield message("E015", export=path_of(export), parameter=name, error=error)


def exports_unfit() -> Iterator[CheckMessage]:
    language, time_zone = settings.LANGUAGE_CODE, timezone.get_default_timezone_name()
    viewer = Viewer(user=Operator(), language=language, time_zone=time_zone)
    for export in registered():
        fields = export.parameters.items()
        if _is_complete(export) and not any(_unfit(name, field) for name, field in fields):
            error = _bad_pattern(export) or _refusal(ExportSource(export), viewer)
            if error:
                yield message("E016", export=path_of(export), error=error)


def _parts(export: Export) -> list[Sheet]:
    """Its sheets, without what is no sheet."""
    if not export.sheets:
        return [export]
    return [sheet() for sheet in export.sheets if _is_sheet(sheet)]


def _is_complete(export: Export) -> bool:
    models = [getattr(part, "model", None) for part in _parts(export)]
    return all(map(_is_sheet, export.sheets)) and all(models)


def _is_sheet(sheet: Any) -> bool:
    plain = isinstance(sheet, type) and issubclass(sheet, Sheet)
    return plain and not getattr(sheet, "sheets", None)


def _unfit_sheet(sheet: Any, taken: set[str]) -> str:
    """What is wrong with an entry of `sheets`, whose name is then taken; empty when nothing is."""
    if not _is_sheet(sheet):
        return f"{sheet!r} is no class of a sheet."
    try:
        validate_slug(sheet.name)
    except ValidationError:
        return f"'{sheet.name}' cannot be the name of {sheet.__qualname__}."
    if sheet.name.lower() in taken:
        return f"there are two of the name '{sheet.name}'."
    taken.add(sheet.name.lower())
    return ""


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
