"""What kind of cell a field, an annotation of a function or a value makes."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import models
from django.utils.functional import cached_property

from exportapp.xlsx import Kind

# Subclasses stand before their base: a DateTimeField is a DateField.
FIELD_KINDS: Final[tuple[tuple[type[models.Field[Any, Any]], Kind], ...]] = (
    (models.BooleanField, Kind.BOOLEAN),
    (models.DateTimeField, Kind.DATETIME),
    (models.DateField, Kind.DATE),
    (models.TimeField, Kind.TIME),
    (models.DurationField, Kind.DURATION),
    (models.DecimalField, Kind.DECIMAL),
    (models.FloatField, Kind.FLOAT),
    (models.IntegerField, Kind.INTEGER),
)

TYPE_KINDS: Final[dict[Any, Kind]] = {
    int: Kind.INTEGER,
    Decimal: Kind.DECIMAL,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    datetime: Kind.DATETIME,
    date: Kind.DATE,
    time: Kind.TIME,
    timedelta: Kind.DURATION,
}

# Text stays General: a string cell is text whatever its format says, and "@" would turn
# formulas that somebody types into such a column into text as well.
NUMBER_FORMATS: Final = {
    Kind.INTEGER: "0",
    Kind.DECIMAL: "#,##0.00####",
    Kind.DATE: "yyyy-mm-dd",
    Kind.DATETIME: "yyyy-mm-dd hh:mm:ss",
    Kind.TIME: "hh:mm:ss",
    Kind.DURATION: "[h]:mm:ss",
}
"""ECMA-376 18.8.30 format codes; kinds that are not named here are General."""


def field_kind(field: Any) -> Kind:
    """The kind of a field's values; of a relation, those of the key it points with."""
    plain = getattr(field, "target_field", field) if field.is_relation else field
    plain = getattr(plain, "output_field", plain)
    return next((kind for known, kind in FIELD_KINDS if isinstance(plain, known)), Kind.TEXT)


def field_format(field: Any, kind: Kind) -> str:
    places = getattr(getattr(field, "output_field", field), "decimal_places", None)
    if kind is not Kind.DECIMAL or places is None:
        return number_format(kind)
    return f"#,##0.{'0' * places}" if places else "#,##0"


def number_format(kind: Kind) -> str:
    return NUMBER_FORMATS.get(kind, "General")


def function_kind(function: Any) -> Kind:
    """By @admin.display(boolean=True), else by the annotated return type, else text."""
    plain = _unwrapped(function)
    if getattr(function, "boolean", False) or getattr(plain, "boolean", False):
        return Kind.BOOLEAN
    try:
        hint = typing.get_type_hints(plain).get("return")
    except (NameError, TypeError, AttributeError):
        # Names that exist for type checkers only, and objects that carry no annotations.
        return Kind.TEXT
    return TYPE_KINDS.get(_without_none(hint), Kind.TEXT)


def _unwrapped(function: Any) -> Callable[..., Any]:
    if isinstance(function, property):
        return _unwrapped(function.fget)
    if isinstance(function, functools.cached_property | cached_property | functools.partial):
        return function.func
    return function  # type: ignore[no-any-return]


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    others = [member for member in typing.get_args(hint) if member is not type(None)]
    return others[0] if len(others) == 1 else None
