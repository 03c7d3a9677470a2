from __future__ import annotations

import uuid
from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import pgettext_lazy

from exportapp.models.job import ExportJob
from exportapp.states import JobState

MESSAGE: Final = "message"
"""The channel that nobody sends by: it is shown when the person opens a page of the admin."""

OPEN: Final = Q(sent_at=None, given_up_at=None)


class ExportNoticeQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        """Neither sent nor given up."""
        return self.filter(OPEN)

    def due(self) -> Self:
        """Open, and nobody is at it: a sender that died is out of time."""
        return self.open().filter(not_before__lte=Now())


class ExportNotice(models.Model):
    """That somebody is to be told how an export ended: made with that end, in its transaction."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    """The same on every try: whoever is told twice can see it."""
    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=100)
    outcome = models.CharField(max_length=20, choices=JobState.choices)
    """The state that the export ended in; a notice of another state than it has now is stale."""
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    attempts = models.PositiveIntegerField(default=0)
    """Goes up with each claim; what a sender writes afterwards says `WHERE attempts = mine`."""
    not_before = models.DateTimeField(db_default=Now())
    """When it is tried (again); while somebody sends it, when that one counts as dead."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=1000, blank=True)

    objects: ClassVar[Any] = ExportNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("export", "notice")
        verbose_name_plural = pgettext_lazy("export", "notices")
        ordering = ["created_at", "id"]
        default_permissions = ()
        indexes = [
            # Asked on every page of the admin: those that wait for this person, and no others.
            models.Index(
                fields=["recipient"], condition=OPEN & Q(channel=MESSAGE), name="exportapp_messages"
            ),
            models.Index(
                fields=["not_before"],
                condition=OPEN & ~Q(channel=MESSAGE),
                name="exportapp_notices_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} about {self.job_id}: {self.outcome}"
