"""What jobs and shards share: states that move along edges, and leases with fences."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exportapp.exceptions import IllegalTransition
from exportapp.states import JobState, ShardState


class LeasedQuerySet(models.QuerySet[Any]):
    """Pieces that one worker at a time may hold, all on the database's clock."""

    def free(self) -> Self:
        """Pieces without a holder whose back-off is over, or whose holder's lease ran out."""
        unheld = Q(lease_until=None) | Q(lease_until__lte=Now())
        return self.filter(unheld, Q(not_before=None) | Q(not_before__lte=Now()))

    def held(self) -> Self:
        return self.filter(lease_until__gt=Now())

    def lost(self) -> Self:
        """Pieces whose holder gave no sign of life until the lease ran out."""
        return self.filter(lease_until__lte=Now())

    def move_to(self, target: JobState | ShardState, **changes: Any) -> int:
        """Move those rows whose state has an edge to `target`; returns how many moved."""
        sources = [state for state in type(target) if target in state.can]
        return self.filter(status__in=sources).update(status=target, **changes)


class Leased(models.Model):
    """A piece of work under a lease.

    `fence` goes up by 1 with each claim. Every later write of that worker says
    `WHERE fence = mine`; 0 rows means that somebody else holds the piece now.
    """

    status: Any
    fence = models.BigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    worker = models.CharField(max_length=200, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    lost_leases = models.PositiveIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(pgettext_lazy("export", "error"), blank=True)

    objects: ClassVar[Any] = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True

    def mine(self, fence: int) -> LeasedQuerySet:
        """This row, if `fence` is still the newest."""
        rows: LeasedQuerySet = type(self).objects.filter(pk=self.pk, fence=fence)
        return rows

    def claim(self, worker: str, seconds: int, **changes: Any) -> int | None:
        """Take the piece as last read if it is still free; returns the new fence."""
        taken = self.mine(self.fence).filter(status=self.status)
        if self.lease_until is None and self.not_before is None:
            # Simpler to ask, and nearly always so.
            taken = taken.filter(lease_until=None, not_before=None)
        else:
            taken = taken.free()
        changes |= {"fence": F("fence") + 1, "worker": worker}
        until = Now() + timedelta(seconds=seconds)
        return self.fence + 1 if taken.update(lease_until=until, **changes) else None

    def move_to(self, target: JobState | ShardState, **changes: Any) -> None:
        """Move this row along an edge of the state table, and read it again.

        Raises IllegalTransition when there is no such edge from where it is now.
        """
        moved = type(self).objects.filter(pk=self.pk).move_to(target, **changes)
        self.refresh_from_db()
        if not moved:
            now = type(target)(self.status)
            raise IllegalTransition(
                _("{piece} is “{now}”; it cannot become “{target}”.").format(
                    piece=self, now=now.label, target=target.label
                )
            )
