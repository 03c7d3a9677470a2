from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.links import FILES, LinkSerializer
from exportapp.api.polling import STILL, etag_of, is_known, poll_after, watched
from exportapp.api.requests import DownloadQuery, ListQuery, NewExport, PageQuery
from exportapp.api.serializers import (
    AskedExportSerializer,
    ExportEventSerializer,
    ExportIssueSerializer,
    ExportSerializer,
    shown,
)
from exportapp.jobs import lifecycle
from exportapp.jobs.delivery import deliver, deliver_manifest, require_download
from exportapp.jobs.links import make_link
from exportapp.jobs.status import status_of
from exportapp.jobs.transfer import respond
from exportapp.models import ExportJob
from exportapp.tables.selection import Viewer

JSON = JSONRenderer.media_type

DEED: dict[str, Any] = {
    "request": None,
    "responses": {200: ExportSerializer} | problems(403, 404, 409),
}


def header(name: str, said: str, *, of: Any = None, kind: Any = OpenApiTypes.STR) -> Any:
    """A header of the request, or of the responses with the statuses `of`."""
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, description=said, response=of or False
    )


class ExportViewSet(OwnViewSet):
    """Exports to Excel: one's own, and all of them for a superuser."""

    queryset: Any = ExportJob.objects.defer("manifest").prefetch_related("files")
    watched: Any = watched()
    serializer_class = ExportSerializer
    scopes = {
        "create": "create",
        "start_over": "create",
        "download": "download",
        "link": "download",
    }

    def get_queryset(self) -> QuerySet[ExportJob]:
        jobs: QuerySet[ExportJob] = self.queryset.visible_to(self.request.user)
        return jobs

    @extend_schema(
        parameters=[ListQuery], responses={200: ExportSerializer(many=True)} | problems(400, 403)
    )
    def list(self, request: Request) -> Response:
        """The newest first, narrowed by state, by what was exported and by when."""
        found = self.asked(ListQuery).narrowed(self.get_queryset())
        return self.paged(found, "-created_at", "id")

    @extend_schema(
        parameters=[
            header("If-None-Match", "The ETag of the last answer."),
            header("ETag", "Changes when anything that is shown does.", of=[200, 304]),
            header(
                "Retry-After",
                "Seconds until it is worth looking again; not there when the export has ended.",
                of=[200, 304],
                kind=OpenApiTypes.INT,
            ),
        ],
        responses={200: ExportSerializer, 304: None} | problems(403, 404),
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """How far it is. With `If-None-Match` the answer is 304 while nothing has changed."""
        self.queryset = self.watched
        job = self.get_object()
        status = None if job.state in STILL else status_of(job)
        etag, seconds = etag_of(job, status, request._request), status and poll_after(status)
        headers = {"ETag": etag} | ({} if seconds is None else {"Retry-After": str(seconds)})
        if is_known(request._request, etag):
            return Response(status=304, headers=headers)
        context = {**self.get_serializer_context(), "status": status or status_of(job)}
        return Response(shown(job, context), headers=headers)

    @extend_schema(
        request=NewExport,
        parameters=[
            header(
                "Idempotency-Key",
                "With the same key the same export is answered, finished or not.",
            )
        ],
        responses={
            201: AskedExportSerializer,
            200: OpenApiResponse(AskedExportSerializer, "The export that the same request made."),
        }
        | problems(400, 403, 413, 415, 429),
    )
    def create(self, request: Request) -> Response:
        """Ask for an export. An equal request finds the one that is under way."""
        asked = NewExport(data=request.data)
        asked.is_valid(raise_exception=True)
        viewer = Viewer.now(request.user)
        recipe = asked.recipe(viewer)
        job, is_new = lifecycle.create(
            recipe.selection,
            viewer,
            policy=recipe.policy,
            consistency=asked.validated_data.get("consistency"),
            options=recipe.options,
            notify=recipe.notify,
            request_key=request.headers.get("Idempotency-Key") or None,
            traceparent=request.headers.get("traceparent"),
        )
        context = {**self.get_serializer_context(), "notes": filter(None, [recipe.note])}
        answer = Response(AskedExportSerializer(job, context=context).data)
        answer.status_code = 201 if is_new else 200
        answer["Location"] = answer.data["links"]["self"]
        return answer

    @extend_schema(**DEED)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Ask the workers to let go; what is finished is kept."""
        return self._answer(lifecycle.pause(self.get_object(), user=request.user))

    @extend_schema(request=None, responses={200: ExportSerializer} | problems(403, 404, 409, 429))
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where a paused, failed or cancelled export stopped."""
        return self._answer(lifecycle.resume(self.get_object(), user=request.user))

    @extend_schema(**DEED)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Give the export up."""
        return self._answer(lifecycle.cancel(self.get_object(), user=request.user))

    @extend_schema(**DEED)
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Remove the files of an export that has ended, before their time."""
        return self._answer(lifecycle.discard(self.get_object(), user=request.user))

    @extend_schema(
        request=None, responses={201: ExportSerializer} | problems(400, 403, 404, 409, 429)
    )
    @action(detail=True, methods=["post"], url_path="start-over")
    def start_over(self, request: Request, pk: str) -> Response:
        """Ask anew for the same rows, when the export has ended; answers the new export."""
        answer = self._answer(lifecycle.start_over(self.get_object(), user=request.user))
        answer.status_code = 201
        return answer

    @extend_schema(
        parameters=[DownloadQuery],
        responses={(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in FILES}
        | {302: OpenApiResponse(description="To a signed URL of the storage that has the file.")}
        | problems(400, 403, 404, 409, 410, 416, 429, 503),
    )
    @action(detail=True)
    def download(self, request: Request, pk: str) -> HttpResponseBase:
        """A finished file, or all of several as one zip; `Range` goes on with a broken one.

        The ETag of a file is its SHA-256. Before the export has succeeded the answer is 409 with
        its progress.
        """
        asked = self.asked(DownloadQuery).validated_data
        job = self.get_object()
        delivery = deliver(job, request.user, asked.get("file"))
        return respond(request._request, job, request.user, delivery)

    @extend_schema(
        request=DownloadQuery,
        responses={201: LinkSerializer} | problems(400, 403, 404, 409, 410, 413, 415, 429, 503),
    )
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """A link to a file, or to all of them, that is good for some minutes without a session."""
        asked = DownloadQuery(data=request.data)
        asked.is_valid(raise_exception=True)
        made = make_link(self.get_object(), request.user, asked.validated_data.get("file"))
        url = reverse("exportapp_api:link", args=[made.token], request=request)
        told = LinkSerializer({"url": url, "expires_at": made.expires_at}).data
        return Response(told, status=201, headers={"Cache-Control": "private, no-store"})

    @extend_schema(responses={(200, JSON): OpenApiTypes.OBJECT} | problems(403, 404, 409))
    @action(detail=True)
    def manifest(self, request: Request, pk: str) -> HttpResponseBase:
        """What was made of what: files, sheets, rows, digests, what was asked, versions."""
        job = self.get_object()
        return respond(request._request, job, request.user, deliver_manifest(job, request.user))

    @extend_schema(
        parameters=[PageQuery],
        # The first in the order of the texts counts as the answer's form: so both are pairs.
        responses={(200, JSON): ExportEventSerializer(many=True)} | problems(400, 403, 404),
    )
    @action(detail=True, serializer_class=ExportEventSerializer)
    def events(self, request: Request, pk: str) -> Response:
        """What happened to the export, and who or what did it, in the order of time."""
        self.asked(PageQuery)
        return self.paged(self.get_object().events.select_related("user"), "pk")

    @extend_schema(
        parameters=[PageQuery],
        responses={(200, JSON): ExportIssueSerializer(many=True)} | problems(400, 403, 404),
    )
    @action(detail=True, serializer_class=ExportIssueSerializer)
    def issues(self, request: Request, pk: str) -> Response:
        """Values that were cut, replaced or left out, in the order of the rows."""
        self.asked(PageQuery)
        job = self.get_object()
        # They quote values of the rows.
        require_download(request.user, job)
        return self.paged(job.issues, "pk")

    def _answer(self, job: ExportJob) -> Response:
        return Response(shown(job, self.get_serializer_context()))
