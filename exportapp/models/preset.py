from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy


class ExportPresetQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """What `user` saved and what is shared."""
        own = Q(owner_id=user.pk) if user.pk else Q()
        return self.filter(Q(shared=True) | own)


class ExportPreset(models.Model):
    """What somebody asks for again and again, under a name. It gives no right to anything."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(pgettext_lazy("export", "name"), max_length=100)
    source = models.CharField(pgettext_lazy("export", "model"), max_length=200)
    selection = models.JSONField()
    policy = models.CharField(max_length=10, blank=True)
    """For bad values; empty takes the setting's when it is used."""
    options = models.JSONField(default=dict)
    """Of the file, as somebody said them."""
    notify = models.JSONField(null=True, default=None)
    """The channels by which whoever uses it is told of the end; None takes the setting's then."""
    shared = models.BooleanField(pgettext_lazy("export", "shared"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[Any] = ExportPresetQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("export", "preset")
        verbose_name_plural = pgettext_lazy("export", "presets")
        ordering = ["source", "name", "pk"]
        default_permissions = ()
        permissions = [("share_preset", "Can share presets of exports")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "source", "name"], name="exportapp_preset_of_owner"
            ),
            # Whoever says the name of a shared one means one.
            models.UniqueConstraint(
                fields=["source", "name"],
                condition=Q(shared=True),
                name="exportapp_preset_shared",
            ),
        ]

    def __str__(self) -> str:
        return self.name
