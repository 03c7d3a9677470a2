"""What a query string may say: the members of a request's body, those in it with brackets.

`?source=shop.Order&columns=number&columns=amount&filters[status]=paid&options[format]=csv`; this
is `deepObject` with `explode` of OpenAPI 3.1, section 4.8.12. `parameters[tags][]=a` is a list of
one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from exportapp.api.requests import NewExport

_MEMBER: Final = re.compile(r"(\w+)\[([^\[\]]+)\](\[\])?")

_KINDS: Final[tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], Any], ...]] = (
    (serializers.ListField, {"type": "array", "items": {"type": "string"}}),
    (serializers.DictField, {"type": "object", "additionalProperties": {"type": "string"}}),
    (serializers.Serializer, {"type": "object", "additionalProperties": {"type": "string"}}),
    (serializers.IntegerField, OpenApiTypes.INT),
    (serializers.Field, OpenApiTypes.STR),
)
"""How a member stands in a query string; the first class that its field is of decides."""


class StreamQuery(NewExport):
    # What is None is no field: there is no job to be of one moment, and no end to be told of.
    consistency = None  # type: ignore[assignment]
    notify = None  # type: ignore[assignment]

    @classmethod
    def described(cls) -> list[OpenApiParameter]:
        """Each member as a parameter of the query."""
        found = []
        for name, field in cls().fields.items():
            kind: Any = next(said for known, said in _KINDS if isinstance(field, known))
            deep = isinstance(kind, dict) and kind["type"] == "object"
            form: Any = {"style": "deepObject", "explode": True} if deep else {}
            told = str(field.help_text or "")
            choices = getattr(field, "choices", None)
            enum = list(choices) if choices and not deep else None
            found.append(OpenApiParameter(name, kind, description=told, enum=enum, **form))
        return found


def nested(query: QueryDict) -> dict[str, Any]:
    """The members of a body; a list where the body has one, and where a name is said again."""
    lists = {
        name
        for name, field in StreamQuery().fields.items()
        if isinstance(field, serializers.ListField)
    }
    found: dict[str, Any] = {}
    for key, values in query.lists():
        member = _MEMBER.fullmatch(key)
        if member:
            inner = found.setdefault(member[1], {})
            if isinstance(inner, dict):
                inner[member[2]] = values if member[3] or len(values) > 1 else values[0]
        else:
            found[key] = values if key in lists or len(values) > 1 else values[0]
    return found
