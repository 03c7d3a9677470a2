from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exportapp.models.leased import Leased, LeasedQuerySet
from exportapp.states import ACTIVE, RESUMABLE, JobState, ShardState


class Consistency(models.TextChoices):
    LIVE = "live", _("Values as they are when they are read")
    """Key ranges settle which rows; each shard is read when its turn comes."""
    SNAPSHOT = "snapshot", _("All rows at one moment")
    """All shards are read in one snapshot of the database; PostgreSQL only."""


class ExportJobQuerySet(LeasedQuerySet):
    def move_to(self, target: JobState | ShardState, **changes: Any) -> int:
        return super().move_to(target, moves=F("moves") + 1, **changes)

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def visible_to(self, user: Any) -> Self:
        """Jobs that `user` may see: their own, and all for a superuser."""
        if user.is_superuser:
            return self
        return self.filter(requested_by_id=user.pk) if user.pk else self.none()


class ExportJob(Leased):
    """What was asked, as whom, and how far it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(pgettext_lazy("export", "model"), max_length=200)
    selection = models.JSONField()
    sheets = models.JSONField(default=list)
    """Name, title and number of columns of each sheet; empty where there is one without a name."""
    columns = models.JSONField()
    """Of all sheets, one sheet after the other."""
    spec_fingerprint = models.CharField(max_length=64)
    filename = models.CharField(_("file name"), max_length=200)
    policy = models.CharField(max_length=10)
    consistency = models.CharField(
        max_length=10, choices=Consistency.choices, default=Consistency.LIVE
    )

    options = models.JSONField(default=dict)
    """How the file is to be, where that differs from the defaults."""

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Without this flag a job whose user was deleted would run with an operator's rights.
    by_operator = models.BooleanField(default=False)
    language = models.CharField(max_length=20)
    time_zone = models.CharField(max_length=60)
    notify = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    """Names of the channels by which the end is told."""
    request_key = models.CharField(max_length=200)
    trace_id = models.CharField(max_length=32, blank=True, editable=False)
    """W3C trace id of the request that asked for it; in every event and log line."""

    status = models.CharField(
        pgettext_lazy("export", "state"),
        max_length=20,
        choices=JobState.choices,
        default=JobState.QUEUED,
    )
    moves = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """How often its state moved. Where this is what it was, so are the state and the layout."""
    parallelism = models.PositiveSmallIntegerField(default=1)
    planned_at = models.DateTimeField(null=True)
    layout = models.JSONField(null=True)
    snapshot_id = models.CharField(max_length=100, blank=True, editable=False)
    """PostgreSQL's name of the snapshot that the holder of the job's lease holds; its shards are
    of that moment. Empty when nobody holds one."""
    first_fence = models.BigIntegerField(default=0, editable=False)
    """What the fences of new shards begin with: no shard that was dropped had a higher one."""
    waiting_for = models.CharField(_("waits for"), max_length=300, blank=True)
    """Why nobody works on it on purpose: a breaker that is open, a throttle; empty when not."""
    error_snapshot = models.JSONField(null=True, editable=False)
    """What an engineer needs of a failure after everything else is removed."""
    issues_counted = models.JSONField(default=dict)
    manifest = models.TextField(blank=True, editable=False)
    """What was made of what, as JSON: the very bytes that are handed out, so no JSONField."""
    woken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(pgettext_lazy("export", "asked"), auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = ExportJobQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("export", "export")
        verbose_name_plural = pgettext_lazy("export", "exports")
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["status", "created_at"], name="exportapp_job_status")]
        constraints = [
            # A double click makes one job, whatever Redis remembers.
            models.UniqueConstraint(
                fields=["request_key"],
                condition=Q(status__in=sorted(ACTIVE)),
                name="exportapp_one_active_request",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {str(self.pk)[:8]}"

    @property
    def state(self) -> JobState:
        return JobState(self.status)

    @property
    def is_of_one_moment(self) -> bool:
        """Whether all rows are to be read in one snapshot."""
        return self.consistency == Consistency.SNAPSHOT

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def can_resume(self) -> bool:
        return self.state in RESUMABLE

    @property
    def can_pause(self) -> bool:
        return JobState.PAUSING in self.state.can

    @property
    def can_cancel(self) -> bool:
        return JobState.CANCELLING in self.state.can

    @property
    def can_start_over(self) -> bool:
        return not self.is_active

    @property
    def can_discard(self) -> bool:
        return JobState.EXPIRED in self.state.can

    @property
    def can_download(self) -> bool:
        return self.state == JobState.SUCCEEDED
