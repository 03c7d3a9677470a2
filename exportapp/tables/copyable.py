"""Whether COPY can give the same cells as the ORM, and if not, why.

COPY gives what is stored. Where Django makes something else of it on the way to Python, only the
orm reader knows what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models
from django.db.models import QuerySet

from exportapp.tables.columns import (
    Called,
    ChoiceLabel,
    ColumnSpec,
    Computed,
    FieldValue,
    JoinedTexts,
    RelatedText,
)
from exportapp.tables.fetch import with_computed
from exportapp.tables.paths import follow

PLAIN_FIELDS: Final = (
    models.BooleanField,
    models.CharField,
    models.DateField,
    models.DecimalField,
    models.DurationField,
    models.FileField,
    models.FloatField,
    models.GenericIPAddressField,
    models.IntegerField,
    models.TextField,
    models.TimeField,
    models.UUIDField,
)
"""Fields whose stored text is the cell's value, or parses to it (subclasses included)."""


def obstacle(queryset: QuerySet[Any], columns: Sequence[ColumnSpec]) -> str | None:
    """Why these columns cannot be read by COPY, in words; None when they can."""
    connection: Any = connections[queryset.db]
    if connection.vendor != "postgresql":
        return f"the database is {connection.display_name}"
    if not hasattr(connection.Database, "Copy"):
        return "psycopg 2 is installed, not psycopg 3"
    if connection.in_atomic_block:
        # COPY has a connection of its own, which would not see what is not committed yet.
        return "a transaction is open"
    if not settings.USE_TZ:
        return "USE_TZ is off"
    if queryset.query.distinct:
        return "the list is DISTINCT"
    rows = with_computed(queryset, columns)
    for spec in columns:
        why = _column_obstacle(rows, spec)
        if why:
            return f"column '{spec.key}' {why}"
    return None


def _column_obstacle(queryset: QuerySet[Any], spec: ColumnSpec) -> str | None:
    match spec.getter:
        case Called():
            return "is a function of the instance"
        case JoinedTexts():
            return "joins the texts of many objects"
        case RelatedText(key_path=path) | ChoiceLabel(path=path):
            return _field_obstacle(queryset, path) or _label_obstacle(spec)
        case FieldValue(path=path) | Computed(alias=path):
            return _field_obstacle(queryset, path)
    return "has no way to its values"


def _label_obstacle(spec: ColumnSpec) -> str | None:
    """Codes come as text: only where text stands for one code alone is the label certain."""
    if not isinstance(spec.getter, ChoiceLabel):
        return None
    codes = [code for code in spec.getter.labels if code is not None]
    if any(not isinstance(code, str | int) or isinstance(code, bool) for code in codes):
        return "has choices that are neither texts nor whole numbers"
    return None


def _field_obstacle(queryset: QuerySet[Any], path: str) -> str | None:
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return _output_obstacle(getattr(annotation, "_output_field_or_none", None))
    try:
        found = follow(queryset.model, path)
    except FieldDoesNotExist:
        return "is not a field"
    return "is a transform" if found.transforms else _output_obstacle(found.target)


def _output_obstacle(field: Any) -> str | None:
    while getattr(field, "is_relation", False) and getattr(field, "target_field", None):
        field = field.target_field
    if not isinstance(field, PLAIN_FIELDS):
        return f"is a {type(field).__name__}" if field is not None else "is of no known type"
    if hasattr(field, "from_db_value") or type(field).select_format is not _plain_select:
        return f"is a {type(field).__name__}, which converts what is stored"
    return None


_plain_select: Final = models.Field.select_format
