from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from exportapp.api.bodies import BoundedJSON
from exportapp.api.problems import MEDIA_TYPE, Problem, problem_handler
from exportapp.api.requests import DownloadQuery, ListQuery, NewExport
from exportapp.api.serializers import (
    AskedExportSerializer,
    ExportIssueSerializer,
    ExportSerializer,
)
from exportapp.jobs import lifecycle
from exportapp.jobs.delivery import ZIP, deliver, deliver_manifest, require_download
from exportapp.jobs.formats.workbook import MEDIA_TYPE as XLSX
from exportapp.jobs.transfer import respond
from exportapp.models import ExportJob
from exportapp.tables.selection import Viewer


class AlwaysJSON(DefaultContentNegotiation):
    """Whoever accepts nothing but a workbook gets one, and its errors as JSON all the same."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ExportPages(PageNumberPagination):
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 200


def problems(*statuses: int) -> dict[Any, Any]:
    return {(status, MEDIA_TYPE): Problem for status in statuses}


DEED: dict[str, Any] = {
    "request": None,
    "responses": {200: ExportSerializer} | problems(403, 404, 409),
}


class OwnViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """What a project sets for its own views must not change ours."""

    permission_classes = [IsAuthenticated]
    parser_classes = [BoundedJSON]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    pagination_class = ExportPages
    filter_backends = []
    versioning_class = None

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return problem_handler


class ExportViewSet(OwnViewSet):
    """Exports to Excel: one's own, and all of them for a superuser."""

    queryset: Any = ExportJob.objects.defer("manifest").prefetch_related("files")
    serializer_class = ExportSerializer

    def get_queryset(self) -> QuerySet[ExportJob]:
        jobs: QuerySet[ExportJob] = self.queryset.visible_to(self.request.user)
        return jobs

    @extend_schema(parameters=[ListQuery], responses={200: ExportSerializer} | problems(400, 403))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The newest first; of one state with `?state=`."""
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        if self.action != "list":
            return queryset
        asked = ListQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        state = asked.validated_data.get("state")
        return queryset.filter(status=state) if state else queryset

    @extend_schema(responses={200: ExportSerializer} | problems(403, 404))
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        request=NewExport,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="With the same key the same export is answered, finished or not.",
            )
        ],
        responses={
            201: AskedExportSerializer,
            200: OpenApiResponse(AskedExportSerializer, "The export that the same request made."),
        }
        | problems(400, 403, 413, 415),
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
            notify=asked.validated_data.get("notify"),
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

    @extend_schema(**DEED)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where a paused, failed or cancelled export stopped."""
        return self._answer(lifecycle.resume(self.get_object(), user=request.user))

    @extend_schema(**DEED)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Give the export up."""
        return self._answer(lifecycle.cancel(self.get_object(), user=request.user))

    @extend_schema(request=None, responses={201: ExportSerializer} | problems(400, 403, 404, 409))
    @action(detail=True, methods=["post"], url_path="start-over")
    def start_over(self, request: Request, pk: str) -> Response:
        """Ask anew for the same rows, when the export has ended; answers the new export."""
        answer = self._answer(lifecycle.start_over(self.get_object(), user=request.user))
        answer.status_code = 201
        return answer

    @extend_schema(
        parameters=[DownloadQuery],
        responses={
            (200, XLSX): OpenApiTypes.BINARY,
            (200, ZIP): OpenApiTypes.BINARY,
            (206, XLSX): OpenApiTypes.BINARY,
            (206, ZIP): OpenApiTypes.BINARY,
        }
        | problems(400, 403, 404, 409, 410, 416),
    )
    @action(detail=True)
    def download(self, request: Request, pk: str) -> HttpResponseBase:
        """A finished file, or all of several as one zip; `Range` goes on with a broken one.

        The ETag of a file is its SHA-256.
        """
        asked = DownloadQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        job = self.get_object()
        delivery = deliver(job, request.user, asked.validated_data.get("file"))
        return respond(request._request, job, request.user, delivery)

    @extend_schema(
        responses={(200, JSONRenderer.media_type): OpenApiTypes.OBJECT} | problems(403, 404, 409)
    )
    @action(detail=True)
    def manifest(self, request: Request, pk: str) -> HttpResponseBase:
        """What was made of what: files, sheets, rows, digests, what was asked, versions."""
        job = self.get_object()
        return respond(request._request, job, request.user, deliver_manifest(job, request.user))

    @extend_schema(
        # The first in the order of the texts counts as the answer's form: so both are pairs.
        responses={(200, JSONRenderer.media_type): ExportIssueSerializer(many=True)}
        | problems(403, 404)
    )
    @action(detail=True, serializer_class=ExportIssueSerializer)
    def issues(self, request: Request, pk: str) -> Response:
        """Values that were cut, replaced or left out, in the order of the rows."""
        job = self.get_object()
        # They quote values of the rows.
        require_download(request.user, job)
        page = self.paginate_queryset(job.issues.all())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _answer(self, job: ExportJob) -> Response:
        return Response(ExportSerializer(job, context=self.get_serializer_context()).data)
