"""Signed links to files: whoever has one needs no session."""

from __future__ import annotations

from typing import Any, Final

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.throttles import GuessThrottle
from exportapp.exceptions import LinkExpired, LinkUnknown
from exportapp.jobs.delivery import ZIP
from exportapp.jobs.formats.workbook import MEDIA_TYPE as XLSX
from exportapp.jobs.links import open_link
from exportapp.jobs.transfer import respond

FILES: Final = (XLSX, "text/csv", "application/gzip", "application/vnd.apache.parquet", ZIP)
"""What a download may be."""


class LinkSerializer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="Gives the file without a session, by GET and HEAD.")
    expires_at = serializers.DateTimeField()


class LinkViewSet(OwnViewSet):
    authentication_classes = []
    permission_classes = []

    def get_throttles(self) -> list[BaseThrottle]:
        self.guesses = GuessThrottle("link")
        return [self.guesses]

    @extend_schema(
        operation_id="exports_link_open",
        auth=[],
        parameters=[
            OpenApiParameter(
                "token", OpenApiTypes.STR, OpenApiParameter.PATH, pattern=r"^[A-Za-z0-9_:-]+$"
            )
        ],
        responses={(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in FILES}
        | {302: None}
        | problems(403, 404, 409, 410, 416, 429, 503),
    )
    def open(self, request: Request, token: str) -> HttpResponseBase:
        """What the link is to, as a download of the person who made it; `Range` is understood.

        Rights are asked again. An address that sends too many links that are none waits.
        """
        try:
            opened = open_link(token)
        except LinkExpired:
            raise
        except LinkUnknown:
            self.guesses.count()
            raise
        return respond(request._request, opened.job, opened.user, opened.delivery)
