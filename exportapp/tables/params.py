"""Parameters of a registered export: form fields that clean what any face was given.

A job keeps them as JSON, and each worker cleans them again as the person who asked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final, TypeAlias

from django import forms
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.choices import flatten_choices
from django.utils.duration import duration_iso_string
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exportapp.exceptions import ParameterRefused, UnknownName
from exportapp.tables.changelist import request_of
from exportapp.tables.selection import Operator, Viewer

Fields: TypeAlias = dict[str, forms.Field]

SEVERAL: Final = (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)

UNFIT: Final = (
    forms.FileField,
    forms.JSONField,
    forms.ComboField,
    forms.MultiValueField,
    forms.NullBooleanField,
)
"""Fields whose values have no plain text to be kept as."""

WORDS_OF_TRUTH: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""Django's own BooleanField takes every other word for true."""

SHOWN: Final = 20
"""Choices that a refusal names at most."""

EXAMPLES: Final[tuple[tuple[type[forms.Field], Promise], ...]] = (
    (forms.BooleanField, gettext_lazy("true or false")),
    (forms.DateTimeField, gettext_lazy("a date and time such as 2026-01-31T18:30")),
    (forms.DateField, gettext_lazy("a date such as 2026-01-31")),
    (forms.TimeField, gettext_lazy("a time such as 18:30")),
    (forms.DurationField, gettext_lazy("a duration such as 2 18:30:00")),
    (forms.DecimalField, gettext_lazy("a number")),
    (forms.FloatField, gettext_lazy("a number")),
    (forms.IntegerField, gettext_lazy("a whole number")),
    (forms.UUIDField, gettext_lazy("a UUID")),
    (forms.EmailField, gettext_lazy("an e-mail address")),
    (forms.URLField, gettext_lazy("a URL")),
    (forms.CharField, gettext_lazy("a text")),
)
"""What fits, by the first class that a field is of."""


def is_fit(field: Any) -> bool:
    """Whether this form field can be a parameter."""
    known = (*(kind for kind, _words in EXAMPLES), forms.ChoiceField)
    return isinstance(field, known) and not isinstance(field, UNFIT)


def fields_for(declared: Mapping[str, forms.Field], viewer: Viewer) -> Fields:
    """Copies of the fields, model choices narrowed to rows that `viewer` may see."""
    fields = {name: copy.deepcopy(field) for name, field in declared.items()}
    for field in fields.values():
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = _visible(field.queryset, viewer)
    return fields


def settled(fields: Fields, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter as JSON, defaults filled in.

    Raises UnknownName, and ParameterRefused with all that are wrong.
    """
    for name in given:
        if name not in fields:
            raise UnknownName("parameter", name, fields)
    return to_json(fields, _cleaned(fields, given, missing=_default))


def to_json(fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """Cleaned values as a job keeps them."""
    return {name: _as_json(fields[name], value) for name, value in values.items()}


def values_of(fields: Fields, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What `settled` gave, as the fields' own values. Raises ParameterRefused."""
    return _cleaned(fields, stored, missing=lambda field: None)


def example(field: forms.Field) -> str:
    """What would be right for this field, in a few words or by its choices."""
    if isinstance(field, forms.ModelChoiceField):
        # Its truth would be that of all its rows, which may be millions.
        rows: Any = () if field.queryset is None else field.queryset
        return _listed(f"{field.prepare_value(row)} ({row})" for row in rows[: SHOWN + 1])
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        pairs: Any = flatten_choices(choices)
        return _listed(str(code) for code, _label in pairs if code != "")
    words = next(words for kind, words in EXAMPLES if isinstance(field, kind))
    limits = [
        word.format(limit=limit() if callable(limit) else limit)
        for word, name in (
            (_("from {limit}"), "min_value"),
            (_("up to {limit}"), "max_value"),
            (_("of at most {limit}"), "max_length"),
        )
        if (limit := getattr(field, name, None)) is not None
    ]
    return " ".join([str(words), *limits])


def _cleaned(
    fields: Fields, given: Mapping[str, Any], missing: Callable[[forms.Field], Any]
) -> dict[str, Any]:
    values, errors = {}, {}
    for name, field in fields.items():
        raw = given.get(name)
        try:
            values[name] = field.clean(_plain(field, raw) if name in given else missing(field))
        except ValidationError as error:
            said = _("The parameter '{name}' is missing: {why} Valid: {valid}.")
            if name in given:
                said = _("The parameter '{name}' is {value!r}: {why} Valid: {valid}.")
            why, valid = " ".join(error.messages), example(field)
            errors[name] = said.format(name=name, value=raw, why=why, valid=valid)
    if errors:
        raise ParameterRefused(errors)
    return values


def _default(field: forms.Field) -> Any:
    return field.initial() if callable(field.initial) else field.initial


def _plain(field: forms.Field, value: Any) -> Any:
    """JSON as a browser would have sent it. Raises ValidationError for what none could."""
    if value is None:
        return None
    if isinstance(field, SEVERAL):
        return [_text(item) for item in (value if isinstance(value, list | tuple) else [value])]
    if isinstance(field, forms.BooleanField):
        known = value if isinstance(value, bool) else WORDS_OF_TRUTH.get(str(value).lower())
        if known is None:
            raise ValidationError(_("This is neither true nor false."))
        return known
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValidationError(_("It takes one value, a text or a number."))
    return str(value)


def _as_json(field: forms.Field, value: Any) -> Any:
    if isinstance(field, forms.ModelChoiceField):
        value = field.prepare_value(value)
    if isinstance(value, list | tuple | QuerySet):
        # Equal requests have equal JSON, whatever order the boxes were ticked in.
        return sorted(_text_of(item) for item in value)
    return value if value is None or isinstance(value, bool | int | str) else _text_of(value)


def _text_of(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC)
    if isinstance(value, date | time):
        return value.isoformat()
    return duration_iso_string(value) if isinstance(value, timedelta) else str(value)


def _visible(rows: Any, viewer: Viewer) -> Any:
    if isinstance(viewer.user, Operator):
        return rows
    request = request_of(viewer, {})
    for site in all_sites:
        if site.is_registered(rows.model):
            model_admin = site.get_model_admin(rows.model)
            if not model_admin.has_view_permission(request):
                return rows.none()
            return rows.filter(pk__in=model_admin.get_queryset(request).order_by().values("pk"))
    opts = rows.model._meta
    codename = f"{opts.app_label}.{get_permission_codename('view', opts)}"
    return rows if viewer.user.has_perm(codename) else rows.none()


def _listed(choices: Iterable[str]) -> str:
    first = list(islice(choices, SHOWN + 1))
    return ", ".join(first[:SHOWN]) + ("…" if len(first) > SHOWN else "") or _("none")
