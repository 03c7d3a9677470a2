"""The endpoint of what happens to an export, as it happens."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.serializers import ExportEventSerializer, ExportProgressSerializer
from exportapp.api.streaming import UNBUFFERED
from exportapp.jobs.following import followed
from exportapp.jobs.live import Shown, Since, is_all_told, live
from exportapp.jobs.places import Place, take_place
from exportapp.jobs.progress import Anchors
from exportapp.models import ExportJob

MEDIA_TYPE = "text/event-stream"


def progress(job: ExportJob) -> dict[str, Any]:
    return {
        "state": job.status,
        "state_label": job.state.label,
        "waiting_for": job.waiting_for,
        "progress": dict(ExportProgressSerializer(job).data),
    }


class PlacedResponse(StreamingHttpResponse):
    """Gives its place back at its end, also when nobody ever took the first piece."""

    place: Place

    def close(self) -> None:
        self.place.leave()
        super().close()


class LiveViewSet(OwnViewSet):
    scopes = {"live": "live"}
    queryset: Any = ExportJob.objects.defer("manifest")

    def get_queryset(self) -> QuerySet[ExportJob]:
        jobs: QuerySet[ExportJob] = self.queryset.visible_to(self.request.user)
        return jobs

    @extend_schema(
        operation_id="exports_events_stream",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The id of the last event that the client has.",
            )
        ],
        responses={(200, MEDIA_TYPE): OpenApiTypes.STR, 204: None} | problems(403, 404, 429),
    )
    def live(self, request: Request, pk: str) -> HttpResponseBase:
        """Server-sent events: `event` of the journal, `progress`, and `end` when it is over.

        204 says to a client that comes back that there is nothing more.
        """
        job = self.get_object()
        since = Since.read(request.headers.get("Last-Event-ID", ""))
        if is_all_told(job, since):
            return Response(status=204)
        if request.method != "GET":
            return StreamingHttpResponse((), content_type=MEDIA_TYPE, headers=UNBUFFERED)
        is_async = isinstance(request._request, ASGIRequest)
        place = take_place(request.user, has_thread=not is_async)
        shown = Shown(lambda event: dict(ExportEventSerializer(event).data), progress)
        told, channel = live(job, since, shown), Anchors(job.pk).channel
        body = followed(request._request, told, channel, place)
        response = PlacedResponse(body, content_type=MEDIA_TYPE, headers=UNBUFFERED)
        response.place = place
        return response
