"""Presets: what people keep under a name."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exportapp.api.base import OwnViewSet, problems
from exportapp.api.requests import Asked, PageQuery
from exportapp.jobs import presets
from exportapp.models import ExportPreset
from exportapp.tables.selection import Viewer


class NewPreset(Asked):
    name = serializers.CharField(max_length=presets.NAME_LENGTH)
    shared = serializers.BooleanField(
        default=False, help_text=f"For everybody; asks for the permission {presets.SHARE}."
    )


class ExportPresetSerializer(serializers.ModelSerializer[ExportPreset]):
    mine = serializers.SerializerMethodField(help_text="Whether you may change it.")
    selection: ClassVar[Any] = serializers.JSONField(
        help_text="What it asks for: query, order, columns and parameters."
    )

    class Meta:
        model = ExportPreset
        fields = (
            "id",
            "name",
            "source",
            "selection",
            "policy",
            "options",
            "notify",
            "shared",
            "mine",
            "changed_at",
        )
        read_only_fields = fields

    def get_mine(self, preset: ExportPreset) -> bool:
        return presets.may_change(self.context["request"].user, preset)


class ExportPresetViewSet(OwnViewSet):
    """Presets of exports: one's own, and shared ones of what one may export."""

    queryset: Any = ExportPreset.objects.all()
    serializer_class = ExportPresetSerializer

    def get_queryset(self) -> QuerySet[ExportPreset]:
        usable = [preset.pk for preset in presets.presets_of(self.request.user)]
        found: QuerySet[ExportPreset] = self.queryset.filter(pk__in=usable)
        return found

    @extend_schema(
        parameters=[PageQuery],
        responses={200: ExportPresetSerializer(many=True)} | problems(400, 403),
    )
    def list(self, request: Request) -> Response:
        """By what they export, then by name."""
        self.asked(PageQuery)
        return self.paged(self.get_queryset(), "source", "name", "pk")

    @extend_schema(responses={200: ExportPresetSerializer} | problems(403, 404))
    def retrieve(self, request: Request, pk: str) -> Response:
        """One preset, with what it asks for."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        request=NewPreset, responses={201: ExportPresetSerializer} | problems(400, 403, 413, 415)
    )
    def create(self, request: Request) -> Response:
        """Keep a request under a name. Required parameters may be left for later."""
        return Response(self._saved(request, None), status=201)

    @extend_schema(
        request=NewPreset,
        responses={200: ExportPresetSerializer} | problems(400, 403, 404, 413, 415),
    )
    def update(self, request: Request, pk: str) -> Response:
        """Replace all of it."""
        return Response(self._saved(request, self.get_object()))

    @extend_schema(responses={204: None} | problems(403, 404))
    def destroy(self, request: Request, pk: str) -> Response:
        presets.delete(self.get_object(), request.user)
        return Response(status=204)

    def _saved(self, request: Request, preset: ExportPreset | None) -> Any:
        asked = NewPreset(data=request.data)
        asked.is_valid(raise_exception=True)
        found = asked.validated_data
        kept = presets.save(
            Viewer.now(request.user),
            found["name"],
            asked.selection(),
            policy=found.get("policy"),
            options=found.get("options"),
            notify=found.get("notify"),
            shared=found["shared"],
            preset=preset,
        )
        return self.get_serializer(kept).data
