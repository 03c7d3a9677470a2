"""Every error as problem details: `application/problem+json`, RFC 9457.

The members are those of section 3.1, and as extensions `code` (the error's name for machines),
`valid` (the names that would have been right), `errors` (messages by member of the request) and
`progress` (how far an export is whose file is asked for too early).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.signals import got_request_exception
from django.http import Http404
from django.utils.log import log_response
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from exportapp.api.bodies import BodyTooLarge
from exportapp.api.polling import poll_after
from exportapp.api.serializers import ExportProgressSerializer
from exportapp.exceptions import (
    ExportError,
    FileDamaged,
    FileUnknown,
    IllegalTransition,
    LinkExpired,
    LinkUnknown,
    NotAllowed,
    NotReady,
    ParameterRefused,
    RangeNotSatisfiable,
    RequestRefused,
    SourceChanged,
    StorageUnavailable,
    TooManyRunning,
    TooManyStreams,
    UnknownName,
)
from exportapp.jobs.status import status_of

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[dict[type[ExportError], HTTPStatus]] = {
    RequestRefused: HTTPStatus.BAD_REQUEST,
    TooManyRunning: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
    NotAllowed: HTTPStatus.FORBIDDEN,
    RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    IllegalTransition: HTTPStatus.CONFLICT,
    SourceChanged: HTTPStatus.CONFLICT,
    FileDamaged: HTTPStatus.GONE,
    FileUnknown: HTTPStatus.NOT_FOUND,
    LinkUnknown: HTTPStatus.NOT_FOUND,
    LinkExpired: HTTPStatus.GONE,
    StorageUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The nearest class of an error decides. What only a worker can meet is a fault here: a 500."""

FAULT: Final = "internal_error"
"""The code of what is nobody's wish: its details are in the log alone."""

WAIT_FOR_ROOM: Final = 30
"""Seconds after which one of many running exports or connections may have ended, or a storage
answers."""


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
    progress = ExportProgressSerializer(
        required=False, help_text="Of an export whose file is not there yet."
    )


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The response to `error`; what nobody foresaw is a 500 that says nothing, and logged."""
    if isinstance(error, ExportError):
        status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
        if status is not None:
            return _of_export_error(error, status)
    if isinstance(error, RequestDataTooBig):
        # Django's own limit, where something else has read the body already.
        error = BodyTooLarge()
    if isinstance(error, Http404):
        # Django names the model; people and other languages know it by no such name.
        error = NotFound()
    plain = exception_handler(error, dict(context))
    if plain is None:
        return _of_fault(error, context)
    headers = {name: plain[name] for name in ("WWW-Authenticate", "Retry-After") if name in plain}
    return _response(_about_blank(error, plain), headers)


def _of_export_error(error: ExportError, status: HTTPStatus) -> Response:
    set_rollback()
    body: dict[str, Any] = {
        "type": f"urn:problem-type:exportapp:{error.code}",
        "title": type(error).__doc__,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    headers: dict[str, str] = {}
    if isinstance(error, ParameterRefused):
        body |= {"errors": {"parameters": {name: [said] for name, said in error.errors.items()}}}
    elif isinstance(error, UnknownName):
        body |= {"title": f"Unknown {error.what}.", "valid": error.valid}
    elif isinstance(error, RangeNotSatisfiable):
        headers = error.headers
    elif isinstance(error, TooManyRunning | TooManyStreams | StorageUnavailable):
        headers = {"Retry-After": str(WAIT_FOR_ROOM)}
    elif isinstance(error, NotReady) and error.job is not None and error.job.is_active:
        status_now = status_of(error.job)
        body |= {"progress": ExportProgressSerializer(status_now).data}
        headers = {"Retry-After": str(poll_after(status_now))}
    return _response(body, headers)


def _of_fault(error: Exception, context: Mapping[str, Any]) -> Response:
    """As Django answers one, with its signal and its log line, but as a problem."""
    set_rollback()
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = {"type": "about:blank", "title": status.phrase, "status": status, "code": FAULT}
    told = _("Something went wrong that is no fault of the request; it was logged.")
    response = _response(body | {"detail": told}, {})
    request = getattr(context.get("request"), "_request", None)
    got_request_exception.send(sender=None, request=request)
    path = getattr(request, "path", "")
    log_response("%s: %s", status.phrase, path, response=response, request=request, exception=error)
    return response


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
