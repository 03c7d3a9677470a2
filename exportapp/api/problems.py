"""Every error as problem details: `application/problem+json`, RFC 9457.

The members are those of section 3.1, and as extensions `code` (the error's name for machines),
`valid` (the names that would have been right) and `errors` (messages by member of the request).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from exportapp.api.bodies import BodyTooLarge
from exportapp.exceptions import (
    ExportError,
    FileDamaged,
    FileUnknown,
    IllegalTransition,
    NotAllowed,
    ParameterRefused,
    RangeNotSatisfiable,
    RequestRefused,
    SourceChanged,
    UnknownName,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[ExportError], HTTPStatus]] = {
    RequestRefused: HTTPStatus.BAD_REQUEST,
    NotAllowed: HTTPStatus.FORBIDDEN,
    RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    IllegalTransition: HTTPStatus.CONFLICT,
    SourceChanged: HTTPStatus.CONFLICT,
    FileDamaged: HTTPStatus.GONE,
    FileUnknown: HTTPStatus.NOT_FOUND,
}
"""The nearest class of an error decides. What only a worker can meet is a fault here: a 500."""


class Problem(serializers.Serializer[Any]):
    type = serializers.CharField(
        help_text='"urn:problem-type:exportapp:<code>"; "about:blank" says no more than the status.'
    )
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="The error's name for machines.")
    valid = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Names that are right."
    )
    errors = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="Messages by member of the request, nested as it is."
    )


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The response to `error`; None lets it go up as a 500."""
    if isinstance(error, ExportError):
        return _of_export_error(error)
    if isinstance(error, RequestDataTooBig):
        # Django's own limit, where something else has read the body already.
        error = BodyTooLarge()
    plain = exception_handler(error, dict(context))
    if plain is None:
        return None
    headers = {name: plain[name] for name in ("WWW-Authenticate", "Retry-After") if name in plain}
    return _response(_about_blank(error, plain), headers)


def _of_export_error(error: ExportError) -> Response | None:
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    if status is None:
        return None
    set_rollback()
    body: dict[str, Any] = {
        "type": f"urn:problem-type:exportapp:{error.code}",
        "title": type(error).__doc__,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    if isinstance(error, ParameterRefused):
        body |= {"errors": {"parameters": {name: [said] for name, said in error.errors.items()}}}
    if isinstance(error, UnknownName):
        body |= {"title": f"Unknown {error.what}.", "valid": error.valid}
    return _response(body, error.headers if isinstance(error, RangeNotSatisfiable) else {})


def _about_blank(error: Exception, plain: Response) -> dict[str, Any]:
    """An error of the framework's own: with "about:blank" the title is the status phrase."""
    status = HTTPStatus(plain.status_code)
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status}
    if isinstance(error, ValidationError):
        by_member = isinstance(plain.data, dict)
        errors = plain.data if by_member else {"non_field_errors": plain.data}
        return body | {"detail": error.default_detail, "code": error.default_code, "errors": errors}
    detail = plain.data["detail"]
    return body | {"detail": detail, "code": detail.code}


def _response(body: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)
