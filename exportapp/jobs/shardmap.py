"""The shards of an export as a small map: one cell a shard, or one for several that follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Count, F, IntegerField, Max, Min, Q, Subquery, Sum, Value
from django.db.models.functions import Cast, Coalesce

from exportapp.models import ExportJob, ExportShard
from exportapp.states import ShardState

CELLS: Final = 120
"""The most cells of a map, however many shards there are."""

TELLING: Final = (
    ShardState.FAILED,
    ShardState.RENDERING,
    ShardState.EXTRACTING,
    ShardState.PENDING,
    ShardState.EXTRACTED,
    ShardState.RENDERED,
)
"""Of the states in a cell the first one here is the one that is shown."""


@dataclass(slots=True, kw_only=True)
class Cell:
    """Shards `first` to `last`."""

    first: int
    last: int
    states: Counter[ShardState] = field(default_factory=Counter)
    rows: int = 0
    """Read if they are read, else planned."""
    attempts: int = 0
    """The most of any of them: errors in a row, and workers that were lost."""
    worker: str = ""
    """Who is at it; of several, one."""
    error: str = ""

    @property
    def state(self) -> ShardState:
        return next(state for state in TELLING if self.states[state])

    @property
    def is_one(self) -> bool:
        return self.first == self.last

    @property
    def is_rendered(self) -> bool:
        """Whether it is one shard, whose file is there."""
        return self.is_one and self.state == ShardState.RENDERED


def shard_map(job: ExportJob) -> list[Cell]:
    """The cells in the order of the rows, by one query whose answer is bounded."""
    cells: dict[int, Cell] = {}
    for part in _parts(job):
        cell = cells.setdefault(part["cell"], Cell(first=part["first"], last=part["last"]))
        cell.first = min(cell.first, part["first"])
        cell.last = max(cell.last, part["last"])
        cell.states[ShardState(part["status"])] += part["count"]
        cell.rows += part["rows"]
        cell.attempts = max(cell.attempts, part["failures"])
        cell.worker = cell.worker or part["by"]
        cell.error = cell.error or part["why"]
    return [cells[number] for number in sorted(cells)]


def counted(cells: Iterable[Cell]) -> Counter[ShardState]:
    """How many shards of the whole map are in which state."""
    return sum((cell.states for cell in cells), Counter())


def _parts(job: ExportJob) -> Sequence[dict[str, Any]]:
    shards = ExportShard.objects.filter(job=job)
    last = shards.order_by("-number").values("number")[:1]
    size = (Cast(Subquery(last), IntegerField()) + CELLS - 1) / CELLS
    rows = Coalesce("rows_extracted", "rows_planned")
    parts: Any = shards.annotate(cell=(F("number") - 1) / size).values("cell", "status")
    held = Q(lease_until__isnull=False)
    return list(
        parts.order_by("cell").annotate(
            first=Min("number"),
            last=Max("number"),
            count=Count("pk"),
            rows=Sum(rows),
            failures=Max(F("attempts") + F("lost_leases")),
            by=Coalesce(Max("worker", filter=held), Value("")),
            why=Max("error"),
        )
    )
