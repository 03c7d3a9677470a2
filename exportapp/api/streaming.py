"""The endpoint that sends a file while its rows are read."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.queries import StreamQuery, nested
from exportapp.exceptions import WorkInterrupted
from exportapp.jobs.formats.workbook import MEDIA_TYPE as XLSX
from exportapp.jobs.pump import pumped, stop_of, watching
from exportapp.jobs.stream import begin
from exportapp.jobs.transfer import PRIVATE
from exportapp.tables.selection import Viewer

UNBUFFERED: Final = {**PRIVATE, "X-Accel-Buffering": "no"}
"""nginx would else hold pieces back, and go on reading for a client that is gone.
Source: nginx documentation, ngx_http_proxy_module, proxy_buffering."""

CLIENT_GONE: Final = 499
"""For the log alone: nobody is there to read it. Source: nginx, NGX_HTTP_CLIENT_CLOSED_REQUEST."""


class StreamViewSet(OwnViewSet):
    scopes = {"stream": "stream"}

    @extend_schema(
        operation_id="exports_stream",
        parameters=StreamQuery.described(),
        responses={
            (200, XLSX): OpenApiTypes.BINARY,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/gzip"): OpenApiTypes.BINARY,
        }
        | problems(400, 403, 429),
    )
    def stream(self, request: Request) -> HttpResponseBase:
        """The file, sent while the rows are read: nothing is kept, and nothing can be resumed.

        It has no length. If it breaks off, the response does, and what came is no whole file.
        """
        asked = StreamQuery(data=nested(request.query_params))
        asked.is_valid(raise_exception=True)
        viewer = Viewer.now(request.user)
        recipe = asked.recipe(viewer)
        stop = stop_of(request._request)
        try:
            with watching(request._request, stop.ask):
                found = begin(
                    recipe.selection,
                    viewer,
                    policy=recipe.policy,
                    options=recipe.options,
                    traceparent=request.headers.get("traceparent"),
                    stop=stop,
                )
        except WorkInterrupted:
            return HttpResponse(status=CLIENT_GONE)
        body: Any = iter(())
        if request.method == "GET":
            body = pumped(request._request, found.pieces, found.stop)
        named = content_disposition_header(True, found.filename) or "attachment"
        headers = {**UNBUFFERED, "Content-Disposition": named}
        return StreamingHttpResponse(body, content_type=found.content_type, headers=headers)
