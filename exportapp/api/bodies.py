"""JSON bodies within bounds: nothing behind this has to think of a hostile one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH: Final = 8
"""Objects and lists within each other. The deepest request that means anything has 3."""

MAX_VALUES: Final = 20_000
"""Members and items in all."""

BODY_BYTES: Final = 2_621_440
"""Where DATA_UPLOAD_MAX_MEMORY_SIZE sets no limit: Django's own default for it."""


class BodyTooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"

    def __init__(self) -> None:
        told = _("The body is larger than {most} bytes, which is the most that is read.")
        super().__init__(told.format(most=_most()))


class BoundedJSONParser(JSONParser):
    """Refuses what is too large, too deep or too many, and text that cannot be written again."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Raises BodyTooLarge and ParseError."""
        body = _read(stream)
        try:
            data = super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_too_deep()) from error
        _check(data)
        return data


def _read(stream: Any) -> bytes:
    body: bytes = stream.read(_most() + 1)
    if len(body) > _most():
        raise BodyTooLarge
    return body


def _most() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or BODY_BYTES


def _check(data: Any) -> None:
    level, values = [data], 0
    for _depth in range(MAX_DEPTH + 1):
        level = [part for value in level for part in _parts(value)]
        values += len(level)
        if values > MAX_VALUES:
            told = _("The body has more than {most} members and items.")
            raise ParseError(told.format(most=MAX_VALUES))
        if not level:
            break
    else:
        raise ParseError(_too_deep())
    _check_text(data)


def _check_text(data: Any) -> None:
    """JSON can say half a character of two ("\\ud800"), which nothing can store or answer with."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        told = _("A text in the body has half of a surrogate pair, which is no character.")
        raise ParseError(told) from error


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _too_deep() -> str:
    told = _("The body is nested more than {most} deep.")
    return told.format(most=MAX_DEPTH)
