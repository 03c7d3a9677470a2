from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from exportapp.models.records import ExportFile


class ExportUpload(models.Model):
    """A file on its way to another storage; the row goes when it is there, or given up."""

    file = models.OneToOneField(ExportFile, on_delete=models.CASCADE, related_name="upload")
    storage = models.CharField(max_length=100)
    """The alias of where it goes."""
    name = models.CharField(max_length=300)
    """What it is called there. The fence of who began is in it: it is nobody else's."""
    upload_id = models.CharField(max_length=1024, blank=True)
    """The storage's own name for an upload in parts; empty where it is sent as a whole."""
    part_size = models.PositiveBigIntegerField(default=0)
    """In bytes, of all parts but the last."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.storage}: {self.name}"


class ExportPart(models.Model):
    """A part that the storage has, by its own word."""

    upload = models.ForeignKey(ExportUpload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    """From 1."""
    etag = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        ordering = ["upload", "number"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "number"], name="exportapp_part_number")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.upload}"
