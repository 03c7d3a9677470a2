"""Bodies of requests: JSON (RFC 8259) that is bounded and says everything once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MOST_DEPTH: Final = 20
"""Arrays and objects inside one another; a request has five."""


class BodyTooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The body is too large.")
    default_code = "body_too_large"


class BoundedJSON(JSONParser):
    """At most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, as Django has it for forms.

    Refuses what others read in another way: a member that is there twice (RFC 8259, 4), half of
    a surrogate pair (8.2), NaN.
    """

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Raises BodyTooLarge and ParseError."""
        try:
            found = json.loads(
                _read(stream).decode(), object_pairs_hook=_once, parse_constant=_refuse
            )
            # Half a pair can be neither kept nor answered.
            json.dumps(found, ensure_ascii=False).encode()
        except RecursionError as error:
            raise _too_deep() from error
        except ValueError as error:
            raise ParseError(_("JSON parse error - {error}").format(error=_safe(error))) from error
        _require_shallow(found)
        return found


def _read(stream: Any) -> bytes:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if most is None:
        return bytes(stream.read())
    body = bytes(stream.read(most + 1))
    if len(body) > most:
        raise BodyTooLarge(_("The body has more than {most} bytes.").format(most=most))
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(_("the member '{name}' is there twice").format(name=twice))
    return found


def _refuse(constant: str) -> None:
    raise ValueError(_("{constant} is no JSON").format(constant=constant))


def _require_shallow(value: Any) -> None:
    level = [value]
    for _depth in range(MOST_DEPTH + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep() -> ParseError:
    told = _("Arrays and objects are inside one another more than {most} times.")
    return ParseError(told.format(most=MOST_DEPTH))


def _safe(error: ValueError) -> str:
    """The error's own words, without what cannot be written."""
    return str(error).encode(errors="backslashreplace").decode()
