"""The primary keys of rows as one Arrow array, beside their cells and in none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from django.db import models


def key_type(model: type[models.Model]) -> pa.DataType | None:
    """How primary keys of `model` are kept; None where COPY and the ORM may not tell them alike.

    Whole numbers as such, texts and UUIDs as text; keys of several columns, and fields that make
    something else of what is stored, are not kept.
    """
    field: Any = model._meta.pk
    while field.is_relation:
        field = field.target_field
    if hasattr(field, "from_db_value"):
        return None
    if isinstance(field, models.IntegerField):
        return pa.int64()
    texts = (models.CharField, models.TextField, models.UUIDField)
    return pa.string() if isinstance(field, texts) else None


def key_array(keys: Sequence[Any] | pa.Array, kept: pa.DataType) -> pa.Array:
    """The keys that a reader gave, as they are kept."""
    if isinstance(keys, pa.Array):
        return keys
    return pa.array(keys if kept == pa.int64() else map(str, keys), kept)
