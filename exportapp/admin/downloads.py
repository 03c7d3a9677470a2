"""What is delivered, or the page of the export with the reason why not."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exportapp.exceptions import (
    FileDamaged,
    FileUnknown,
    IllegalTransition,
    NotAllowed,
    RangeNotSatisfiable,
    StorageUnavailable,
    UnknownName,
)
from exportapp.jobs.delivery import Delivery
from exportapp.jobs.transfer import respond
from exportapp.models import ExportJob

Page = Callable[..., HttpResponse]
"""The page of an export, with a status and a refusal."""


def send(
    request: HttpRequest, job: ExportJob, make: Callable[[], Delivery], page: Page
) -> HttpResponseBase:
    """What `make` gives of `job` as an attachment, its right asked again."""
    return or_why_not(request, job, lambda: respond(request, job, request.user, make()), page)


def or_why_not(
    request: HttpRequest, job: ExportJob, answer: Callable[[], HttpResponseBase], page: Page
) -> HttpResponseBase:
    """What `answer` gives to whoever wants a file of `job`.

    403 when the right to the rows is gone, 404 for no such file, 409 while it is not ready, 410
    when it is gone, 416 for a range behind its end, 503 while the storage that has it does not
    answer; of those 409, 410 and 503 are the `page`.
    """
    try:
        return answer()
    except RangeNotSatisfiable as error:
        return HttpResponse(str(error), status=416, headers=error.headers)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except (UnknownName, FileUnknown) as error:
        raise Http404(str(error)) from error
    except IllegalTransition as error:
        return page(request, job, status=409, refusal=str(error))
    except FileDamaged as error:
        return page(request, job, status=410, refusal=str(error))
    except StorageUnavailable as error:
        return page(request, job, status=503, refusal=str(error))
