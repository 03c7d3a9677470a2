"""What is delivered as an HTTP response, for every face: validators, ranges, who sends the bytes.

Source: RFC 9110 sections 13 (If-Match, If-None-Match, If-Range) and 14 (Range), RFC 6266.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from exportapp.conf import conf
from exportapp.exceptions import RangeNotSatisfiable
from exportapp.jobs.delivery import Delivery, note
from exportapp.models import ExportJob

PRIVATE: Final = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""What every response with rows says: those of one person are kept by nobody else."""

_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `first` up to, and without, `end`."""

    first: int
    end: int
    whole: bool = False
    """No range was asked for, or none that counts."""


def respond(
    request: HttpRequest, job: ExportJob, user: Any, delivery: Delivery
) -> HttpResponseBase:
    """The delivery, the part of it that is asked for, or that the person has it already.

    200, 206, 304, 412, or 302 to the storage that has the file. What is sent is noted as a download
    of `user`; a later part, only if none is noted yet. Raises RangeNotSatisfiable,
    and FileDamaged where the file went meanwhile.
    """
    named = content_disposition_header(True, delivery.filename) or "attachment"
    headers = {**PRIVATE, "Content-Disposition": named}
    if conf.SENDFILE and delivery.path is not None:
        response = _by_web_server(request, delivery, headers)
        # Which validators will hold is for the web server to say.
        part = _part(request, delivery.size)
    else:
        etag = f'"{delivery.digest}"'
        headers |= {"ETag": etag, "Accept-Ranges": "bytes"}
        known = get_conditional_response(request, etag)
        if known is not None:
            return _with(known, headers)
        url = _signed(request, delivery, etag)
        is_same = url or request.headers.get("If-Range", etag) == etag
        part = _part(request, delivery.size) if is_same else Part(0, delivery.size, whole=True)
        if part is None:
            raise RangeNotSatisfiable(delivery.size)
        if url:
            response = HttpResponseRedirect(url, headers=PRIVATE)
        else:
            response = _body(request, delivery, part, headers)
    if request.method == "GET" and delivery.taken is not None and part is not None:
        note(job, user, delivery.taken, delivery.filename, resumed=part.first > 0)
    return response


def _signed(request: HttpRequest, delivery: Delivery, etag: str) -> str | None:
    """An address at the storage that has the file, where it makes such and will understand."""
    place = delivery.elsewhere
    # It is signed for GET alone; what HEAD asks for is known here. The validator of the SHA-256 is
    # known here as well: the storage, which has its own, would send everything once more.
    known_here = request.method != "GET" or request.headers.get("If-Range") == etag
    if place is None or known_here or not conf.RESULTS_REDIRECT:
        return None
    named = delivery.filename, delivery.content_type
    return place.objects.url(place.name, *named, conf.LINK_SECONDS)


def _part(request: HttpRequest, size: int) -> Part | None:
    """What of `size` bytes is asked for; None for a range that lies behind them.

    Several ranges are answered with everything, as is what is no range (section 14.2).
    """
    asked = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    first, last = asked.groups() if asked else ("", "")
    if request.method != "GET" or not (first or last) or _is_backwards(first, last):
        return Part(0, size, whole=True)
    if not first:
        # "-500": the last 500 bytes.
        part = Part(max(0, size - int(last)), size)
    else:
        part = Part(int(first), min(size, int(last) + 1) if last else size)
    return part if part.first < part.end else None


def _is_backwards(first: str, last: str) -> bool:
    return bool(first and last) and int(last) < int(first)


def _body(
    request: HttpRequest, delivery: Delivery, part: Part, headers: dict[str, str]
) -> HttpResponseBase:
    told: dict[str, Any] = {"content_type": delivery.content_type, "headers": headers}
    headers["Content-Length"] = str(part.end - part.first)
    if not part.whole:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{delivery.size}"
        told["status"] = HTTPStatus.PARTIAL_CONTENT
    if request.method == "HEAD":
        return HttpResponse(**told)
    in_async = isinstance(request, ASGIRequest)
    if part.whole and delivery.path is not None and not in_async:
        # The WSGI server may send the file inside the kernel (PEP 3333, wsgi.file_wrapper).
        told |= {"as_attachment": True, "filename": delivery.filename}
        return FileResponse(delivery.open(), **told)
    blocks = delivery.content.read(part.first, part.end)
    if delivery.content.is_held:
        return HttpResponse(b"".join(blocks), **told)
    return StreamingHttpResponse(_beside(blocks) if in_async else blocks, **told)


async def _beside(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Under ASGI Django would gather all blocks of a plain iterator in memory first.
    while block := await asyncio.to_thread(next, blocks, b""):
        yield block


def _by_web_server(
    request: HttpRequest, delivery: Delivery, headers: dict[str, str]
) -> HttpResponseBase:
    """Left to the web server, which has ranges and validators of its own."""
    try:
        from django_sendfile import sendfile
    except ImportError as error:
        raise ImproperlyConfigured(
            "EXPORTAPP_SENDFILE needs django-sendfile2: pip install 'exportapp[sendfile]'."
        ) from error
    response: HttpResponseBase = sendfile(
        request, str(delivery.path), attachment=True, mimetype=delivery.content_type
    )
    # The library's own names are of another form; a file has one name, whoever sends it.
    return _with(response, headers)


def _with(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response[name] = value
    return response
