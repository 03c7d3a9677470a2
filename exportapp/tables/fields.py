"""Columns of model fields: labels of choices, texts of related objects, plain values."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.utils.hashable import make_hashable

from exportapp.tables.columns import ChoiceLabel, ColumnSpec, FieldValue, Getter, RelatedText
from exportapp.tables.kinds import field_format, field_kind
from exportapp.tables.text import json_text, to_text
from exportapp.xlsx import Kind


def field_spec(
    path: str, field: Any, title: str, *, label: bool, codes: bool = False
) -> ColumnSpec:
    """The column of the field at the end of `path`.

    label: choices as their label and a relation as its object's text; else code and key.
    codes: choices as their code all the same.
    """
    getter = _getter(path, field, label=label and not (codes and _has_choices(field)))
    is_text = isinstance(getter, ChoiceLabel | RelatedText)
    kind = Kind.TEXT if is_text else field_kind(field)
    number_format = "General" if is_text else field_format(field, kind)
    return ColumnSpec(key=path, title=title, kind=kind, number_format=number_format, getter=getter)


def _getter(path: str, field: Any, *, label: bool) -> Getter:
    if field.is_relation:
        key_path = _key_path(path, field)
        if label and key_path != path:
            return RelatedText(path, key_path, field.related_model, field.target_field.attname)
        return FieldValue(key_path, _encoder(field.target_field), is_code=not label)
    choices = getattr(field, "flatchoices", None)
    if label and choices:
        return ChoiceLabel(path, {make_hashable(code): str(text) for code, text in choices})
    return FieldValue(path, _encoder(field), is_code=bool(choices) and not label)


def _has_choices(field: Any) -> bool:
    return not field.is_relation and bool(getattr(field, "flatchoices", None))


def _key_path(path: str, field: Any) -> str:
    """Where the key is: the relation itself gives an object on an instance."""
    if not isinstance(field, models.Field):
        return f"{path}{LOOKUP_SEP}pk"
    parents, _, last = path.rpartition(LOOKUP_SEP)
    own = last if last == "pk" else field.attname
    return f"{parents}{LOOKUP_SEP}{own}" if parents else own


def _encoder(field: Any) -> Any:
    if isinstance(field, models.JSONField):
        return partial(json_text, encoder=field.encoder)
    return to_text if isinstance(field, models.BinaryField | models.UUIDField) else None
