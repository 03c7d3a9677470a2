"""Parameters of registered exports in the schema: one component for each, from its form fields.

The form fields check what is sent; these fields only describe it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.choices import flatten_choices
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from exportapp.jobs.options import CHOICES, OF_FORMAT, Options
from exportapp.tables.exports import Export, registered
from exportapp.tables.params import SEVERAL, to_json

FIELDS: Final[tuple[tuple[type[forms.Field], type[serializers.Field[Any, Any, Any, Any]]], ...]] = (
    (forms.BooleanField, serializers.BooleanField),
    (forms.DateTimeField, serializers.DateTimeField),
    (forms.DateField, serializers.DateField),
    (forms.TimeField, serializers.TimeField),
    (forms.DurationField, serializers.DurationField),
    # A fraction is a text in JSON, or it would lose digits.
    (forms.DecimalField, serializers.CharField),
    (forms.FloatField, serializers.FloatField),
    (forms.IntegerField, serializers.IntegerField),
    (forms.UUIDField, serializers.UUIDField),
    (forms.EmailField, serializers.EmailField),
    (forms.URLField, serializers.URLField),
    (forms.Field, serializers.CharField),
)
"""The first class that a form field is of decides."""


JSON_TYPES: Final[tuple[tuple[type[forms.Field], dict[str, Any]], ...]] = (
    (forms.BooleanField, {"type": "boolean"}),
    (forms.DateTimeField, {"type": "string", "format": "date-time"}),
    (forms.DateField, {"type": "string", "format": "date"}),
    (forms.TimeField, {"type": "string", "format": "time"}),
    # A fraction is a text in JSON, or it would lose digits.
    (forms.DecimalField, {"type": "string"}),
    (forms.FloatField, {"type": "number"}),
    (forms.IntegerField, {"type": "integer"}),
    (forms.UUIDField, {"type": "string", "format": "uuid"}),
    (forms.EmailField, {"type": "string", "format": "email"}),
    (forms.URLField, {"type": "string", "format": "uri"}),
    (forms.Field, {"type": "string"}),
)
"""The first class that a form field is of decides."""

JSON_LIMITS: Final = (
    ("minimum", "min_value", ("integer", "number")),
    ("maximum", "max_value", ("integer", "number")),
    ("minLength", "min_length", ("string",)),
    ("maxLength", "max_length", ("string",)),
)
"""Of JSON Schema, of a form field, and the types that have such a limit."""


def parameters_serializer(export: Export) -> type[serializers.Serializer[Any]]:
    """A serializer class whose fields are those of the export's parameters."""
    fields = {name: field_of(field) for name, field in export.parameters.items()}
    name = "".join(word.capitalize() for word in export.name.replace("_", "-").split("-"))
    return type(f"{name}Parameters", (serializers.Serializer,), fields)


def field_of(field: forms.Field) -> serializers.Field[Any, Any, Any, Any]:
    """The field of Django REST Framework that says the same as a form field."""
    given = field.required and field.initial is None
    said: dict[str, Any] = {
        "required": given,
        "allow_null": not field.required,
        "label": field.label,
        "help_text": str(field.help_text),
    }
    if isinstance(field, forms.ModelMultipleChoiceField):
        return serializers.ListField(child=serializers.CharField(), **said)
    if isinstance(field, forms.ModelChoiceField):
        return serializers.CharField(**said)
    if isinstance(field, forms.ChoiceField):
        several = isinstance(field, forms.MultipleChoiceField)
        kind = serializers.MultipleChoiceField if several else serializers.ChoiceField
        choices: Any = field.choices
        plain: list[Any] = list(flatten_choices(choices))
        return kind(choices=[pair for pair in plain if pair[0] != ""], **said)
    limits: dict[str, Any] = {
        name: limit
        for name in ("min_value", "max_value", "max_length", "min_length")
        if isinstance(limit := getattr(field, name, None), int)
        and not isinstance(field, forms.DecimalField)
    }
    return next(made for kind, made in FIELDS if isinstance(field, kind))(**said, **limits)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="ExportParameters",
        serializers=lambda: [parameters_serializer(e) for e in registered() if e.parameters],
        resource_type_field_name=None,
    )
)
class ParameterValues(serializers.DictField):
    """Values by name; the export itself says which are right."""


def json_schema(fields: Mapping[str, forms.Field]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the object that gives these parameters their values."""
    given = [name for name, field in fields.items() if field.required and field.initial is None]
    schema = {name: _schema_of(name, field) for name, field in fields.items()}
    return {
        "type": "object",
        "properties": schema,
        "required": given,
        "additionalProperties": False,
    }


def option_schemas(format: str) -> dict[str, Any]:
    """JSON Schema of each option that files of this format have."""
    plain = Options()
    return {
        name: {
            "default": getattr(plain, name),
            **({"enum": list(CHOICES[name])} if name in CHOICES else {"type": "boolean"}),
        }
        for name, of in OF_FORMAT.items()
        if of == format
    }


def _schema_of(name: str, field: forms.Field) -> dict[str, Any]:
    schema = dict(next(said for kind, said in JSON_TYPES if isinstance(field, kind)))
    # Its choices would be the rows of a table, which may be millions.
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices: Any = field.choices
        schema["enum"] = [str(code) for code, _ in flatten_choices(choices) if code != ""]
    for said, attribute, types in JSON_LIMITS:
        limit = getattr(field, attribute, None)
        if isinstance(limit, int | float) and schema["type"] in types:
            schema[said] = limit
    if isinstance(field, SEVERAL):
        schema = {"type": "array", "items": schema}
    if not field.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    initial = field.initial() if callable(field.initial) else field.initial
    if initial is not None:
        schema["default"] = to_json({name: field}, {name: initial})[name]
    told = {"title": str(field.label or name), "description": str(field.help_text)}
    return {**told, **schema}
