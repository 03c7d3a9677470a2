"""Parameters of registered exports in the schema: one component for each, from its form fields.

The form fields check what is sent; these fields only describe it.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.choices import flatten_choices
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from exportapp.tables.exports import Export, registered

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
