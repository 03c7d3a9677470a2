"""Values as text, for columns that are text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder


def to_text(value: Any) -> str | None:
    """Text for a cell: containers as compact JSON, bytes in hex, anything else by str().

    Hex and not base64, since that is how databases show bytes and what people search for.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping | list | tuple):
        return json_text(value)
    if isinstance(value, Set):
        return json_text(sorted(value, key=str))
    return well_formed(str(value))


def json_text(value: Any, encoder: type[json.JSONEncoder] | None = None) -> str | None:
    """Compact JSON in the order the value has; None is blank and not "null"."""
    if value is None:
        return None
    text = json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), cls=encoder or DjangoJSONEncoder
    )
    return well_formed(text)


def well_formed(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold but SQLite and JSON can, become U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # A plain str: a lazy or safe string would carry its own behaviour along.
    return str(text)
