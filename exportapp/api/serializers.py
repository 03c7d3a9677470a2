"""What is answered. Times are ISO 8601 with their zone; URLs are absolute."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from exportapp.api.options import FileOptions
from exportapp.jobs.journal import Happened
from exportapp.jobs.status import Status, status_of
from exportapp.models import ExportEvent, ExportFile, ExportIssue, ExportJob
from exportapp.states import JobState


class ExportProgressSerializer(serializers.Serializer[Any]):
    """How far the export is. Counts are rows, shards and bytes; `rate` is rows per second."""

    percent = serializers.IntegerField(min_value=0, max_value=100)
    rows_done = serializers.IntegerField(help_text="Half for reading a row, half for writing it.")
    rows_total = serializers.IntegerField(help_text="Grows until all key ranges are found.")
    rows_extracted = serializers.IntegerField()
    rows_rendered = serializers.IntegerField()
    shards_done = serializers.IntegerField()
    shards_total = serializers.IntegerField()
    bytes = serializers.IntegerField()
    rate = serializers.FloatField()
    seconds_left = serializers.IntegerField(allow_null=True)
    live = serializers.BooleanField(help_text="False: what is committed, not what is under way.")

    def to_representation(self, instance: ExportJob | Status) -> Any:
        if isinstance(instance, ExportJob):
            instance = self.context.get("status") or status_of(instance)
        return super().to_representation(instance)


class ExportErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="error_code")
    message = serializers.CharField(source="error")

    def to_representation(self, instance: ExportJob) -> Any:
        return super().to_representation(instance) if instance.error else None


class ExportSheetSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    rows = serializers.IntegerField()

    def to_representation(self, instance: tuple[str, int]) -> Any:
        title, rows = instance
        return super().to_representation({"title": title, "rows": rows})


class FilesOfJob(serializers.ListSerializer[Any]):
    def get_attribute(self, instance: ExportJob) -> Any:
        """None are asked for where it is known that there are none."""
        return instance.files.all() if vars(instance).get("files_made", True) else []


class ExportFileSerializer(serializers.ModelSerializer[ExportFile]):
    sheets = ExportSheetSerializer(many=True)
    url = serializers.SerializerMethodField(help_text="Null when its time is over.")

    class Meta:
        model = ExportFile
        list_serializer_class = FilesOfJob
        fields = ("number", "filename", "size", "sha256", "rows", "sheets", "url")

    def get_url(self, file: ExportFile) -> str | None:
        if not file.job.can_download:
            return None
        return f"{_address(file.job, self.context)}download/?file={file.number}"


class ExportLinksSerializer(serializers.Serializer[Any]):
    """What can be done with the export; null where its state does not allow it."""

    self = serializers.URLField()
    events = serializers.URLField()
    events_stream = serializers.URLField(help_text="As they happen: server-sent events.")
    issues = serializers.URLField()
    pause = serializers.URLField(allow_null=True)
    resume = serializers.URLField(allow_null=True)
    cancel = serializers.URLField(allow_null=True)
    start_over = serializers.URLField(allow_null=True)
    discard = serializers.URLField(allow_null=True)
    download = serializers.URLField(allow_null=True)
    manifest = serializers.URLField(allow_null=True)

    def to_representation(self, instance: ExportJob) -> dict[str, str | None]:
        legal = {
            "": True,
            "events/": True,
            "events/stream/": True,
            "issues/": True,
            "pause/": instance.can_pause,
            "resume/": instance.can_resume,
            "cancel/": instance.can_cancel,
            "start-over/": instance.can_start_over,
            "discard/": instance.can_discard,
            "download/": instance.can_download,
            "manifest/": instance.can_download,
        }
        own = _address(instance, self.context)
        addresses = (f"{own}{name}" if is_legal else None for name, is_legal in legal.items())
        return dict(zip(self.fields, addresses, strict=True))


class ExportSerializer(serializers.ModelSerializer[ExportJob]):
    state = serializers.ChoiceField(source="status", choices=JobState.choices)
    state_label = serializers.CharField(source="get_status_display")
    progress = ExportProgressSerializer(source="*")
    error = ExportErrorSerializer(source="*", allow_null=True)
    issues = serializers.DictField(
        source="issues_counted",
        child=serializers.IntegerField(),
        help_text="How many values were cut, replaced or left out, by code.",
    )
    options = FileOptions(source="*")
    files = ExportFileSerializer(many=True)
    links = ExportLinksSerializer(source="*")

    class Meta:
        model = ExportJob
        fields = (
            "id",
            "source",
            "state",
            "state_label",
            "consistency",
            "options",
            "waiting_for",
            "created_at",
            "started_at",
            "finished_at",
            "expires_at",
            "progress",
            "error",
            "issues",
            "files",
            "links",
        )
        read_only_fields = fields


class AskedExportSerializer(ExportSerializer):
    notes = serializers.SerializerMethodField(
        help_text="What was left out of the preset that was used."
    )

    class Meta(ExportSerializer.Meta):
        fields: Any = (*ExportSerializer.Meta.fields, "notes")
        read_only_fields: Any = fields

    def get_notes(self, job: ExportJob) -> list[str]:
        return list(self.context["notes"])


class ExportEventSerializer(serializers.ModelSerializer[ExportEvent]):
    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in Happened])
    by = serializers.SerializerMethodField(help_text="Whose deed it was; null for a worker's.")

    class Meta:
        model = ExportEvent
        fields = ("id", "at", "kind", "by", "message", "shard", "worker")
        read_only_fields = fields

    def get_by(self, event: ExportEvent) -> str | None:
        return str(event.user) if event.user else event.data.get("by")


class ExportIssueSerializer(serializers.ModelSerializer[ExportIssue]):
    class Meta:
        model = ExportIssue
        fields = ("shard", "layer", "code", "key", "column", "message", "value")
        read_only_fields = fields


_kept = threading.local()


def shown(job: ExportJob, context: Mapping[str, Any]) -> dict[str, Any]:
    """What ExportSerializer gives; it is made once in each thread, which takes longer than to use
    it."""
    if not hasattr(_kept, "serializer"):
        _kept.context = {}
        _kept.serializer = ExportSerializer(context=_kept.context)
    _kept.context |= context
    try:
        found: dict[str, Any] = _kept.serializer.to_representation(job)
        return found
    finally:
        _kept.context.clear()


def _address(job: ExportJob, context: Mapping[str, Any]) -> str:
    """Of one export; it begins all others."""
    return reverse("exportapp_api:export-detail", args=[job.pk], request=context["request"])
