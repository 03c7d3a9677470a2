"""What an export leaves behind: its files, what was wrong with rows, and what happened."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import pgettext_lazy

from exportapp.models.job import ExportJob


class ExportFile(models.Model):
    """A finished workbook: `path` in the storage whose alias is `storage`."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    path = models.CharField(max_length=300)
    # With a default of the database's own: a web process of the version before inserts as well.
    storage = models.CharField(
        max_length=100, blank=True, default="", db_default="", editable=False
    )
    """Empty for that of shards and results, from which it may be carried to another."""
    filename = models.CharField(max_length=220)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    crc32 = models.PositiveBigIntegerField(null=True, editable=False)
    """What a zip around it must say of it; None for a file of before there were such zips."""
    rows = models.PositiveBigIntegerField()
    sheets = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = pgettext_lazy("export", "file")
        verbose_name_plural = pgettext_lazy("export", "files")
        ordering = ["job", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="exportapp_file_number")
        ]

    def __str__(self) -> str:
        return self.filename


class ExportIssue(models.Model):
    """A value that was cut, replaced or left out."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="issues")
    shard = models.PositiveIntegerField()
    layer = models.CharField(max_length=20)
    code = models.CharField(max_length=50)
    key = models.CharField(pgettext_lazy("export", "row"), max_length=200, blank=True)
    column = models.CharField(max_length=200, blank=True)
    message = models.CharField(max_length=500)
    value = models.CharField(max_length=200, blank=True)
    spec_fingerprint = models.CharField(max_length=64)

    class Meta:
        verbose_name = pgettext_lazy("export", "issue")
        verbose_name_plural = pgettext_lazy("export", "issues")
        ordering = ["job", "pk"]
        indexes = [models.Index(fields=["job", "code"], name="exportapp_issue_code")]

    def __str__(self) -> str:
        return f"{self.code} in {self.column} of {self.key}"


class ExportEvent(models.Model):
    """Something that happened to an export, and who or what did it."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="events")
    # The clock of whoever notes it may be wrong, and what the reconciler does follows from this.
    at = models.DateTimeField(db_default=Now(), editable=False)
    kind = models.CharField(max_length=40)
    shard = models.PositiveIntegerField(null=True)
    fence = models.BigIntegerField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    message = models.CharField(max_length=1000, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = pgettext_lazy("export", "event")
        verbose_name_plural = pgettext_lazy("export", "events")
        ordering = ["job", "pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.message}".strip()
