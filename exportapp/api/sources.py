"""Discovery: what this person may export, and what can be said about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.parameters import json_schema, option_schemas
from exportapp.exceptions import UnknownName
from exportapp.jobs.options import CHOICES
from exportapp.jobs.rights import source_for, sources_of
from exportapp.models import Consistency
from exportapp.tables.offers import offer_of
from exportapp.tables.readers import Policy
from exportapp.tables.selection import Viewer
from exportapp.tables.sources import AnySource, kind_of_name

SITE = "admin"
"""The AdminSite that a new export is asked of."""

NAME = OpenApiParameter(
    "name", str, OpenApiParameter.PATH, description='A model, "shop.Order", or an export\'s name.'
)


class ExportSourceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        help_text="What a new export says: of a model in `source`, of an export in `export`."
    )
    kind = serializers.CharField(help_text='"model" or "export".')
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    url = serializers.URLField(help_text="Everything that can be said about it.")


@extend_schema_serializer(many=False)
class ExportSourcesSerializer(serializers.Serializer[Any]):
    results = ExportSourceSerializer(many=True)


class OfferedColumnSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField(
        allow_null=True, help_text='As its cells are, "text" or "date"; null where rows decide.'
    )
    default = serializers.BooleanField(help_text="Whether it is there when nobody names columns.")


class OfferedFormatSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    options = serializers.DictField(help_text="JSON Schema of each option that it has.")


class OfferedSourceSerializer(ExportSourceSerializer):
    columns = OfferedColumnSerializer(many=True)
    order = serializers.ListField(
        child=serializers.CharField(), help_text='Names to order by; "-" before descending ones.'
    )
    filters = serializers.ListField(
        child=serializers.CharField(),
        help_text="Fields, behind which operators may stand (status__in), and filters of the list.",
    )
    search = serializers.BooleanField(help_text="Whether there is anything to search.")
    parameters = serializers.DictField(help_text="JSON Schema of a new export's `parameters`.")
    formats = OfferedFormatSerializer(many=True)
    policies = serializers.ListField(child=serializers.CharField())
    consistencies = serializers.ListField(child=serializers.CharField())


class ExportSourceViewSet(OwnViewSet):
    """Models and registered exports that you may export."""

    serializer_class = ExportSourceSerializer
    pagination_class = None
    lookup_field = "name"
    lookup_value_regex = "[^/]+"

    @extend_schema(responses={200: ExportSourcesSerializer} | problems(400, 403))
    def list(self, request: Request) -> Response:
        """All of them: registered exports first, then models."""
        known = sources_of(request.user, SITE)
        results = [self._named(source) for source in known]
        return Response(ExportSourcesSerializer({"results": results}).data)

    @extend_schema(parameters=[NAME], responses={200: OfferedSourceSerializer} | problems(403, 404))
    def retrieve(self, request: Request, name: str) -> Response:
        """Columns, orders, filters, parameters and formats of one, as you may use them."""
        try:
            source = source_for(request.user, name, SITE)
        except UnknownName as error:
            raise NotFound(str(error)) from error
        offer = offer_of(source, Viewer.now(request.user))
        said = {
            "columns": [asdict(column) for column in offer.columns],
            "order": offer.order,
            "filters": offer.filters,
            "search": offer.search,
            "parameters": json_schema(offer.parameters),
            "formats": [{"name": f, "options": option_schemas(f)} for f in CHOICES["format"]],
            "policies": get_args(Policy),
            "consistencies": Consistency.values,
        }
        return Response(OfferedSourceSerializer(self._named(source) | said).data)

    def _named(self, source: AnySource) -> dict[str, Any]:
        address = reverse("exportapp_api:source-detail", args=[source.label], request=self.request)
        return {
            "name": source.label,
            "kind": kind_of_name(source.label),
            "title": source.title,
            "description": getattr(source, "description", ""),
            "url": address,
        }
