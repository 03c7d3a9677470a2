"""What the shards of a sheet turned out to hold: what the layout is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from exportapp.tables.columns import ColumnSpec
from exportapp.xlsx import ColumnFacts


@dataclass(frozen=True, slots=True)
class MeasuredShard:
    rows: int
    xml_bytes: int
    """The most XML that its rows can make."""
    facts: list[ColumnFacts]
    """Of each column of its sheet."""


@dataclass(frozen=True, slots=True)
class MeasuredSheet:
    """One sheet of the export, however many it becomes."""

    columns: tuple[ColumnSpec, ...]
    shards: Sequence[MeasuredShard]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and most XML of each shard."""
        return [(shard.rows, shard.xml_bytes) for shard in self.shards]

    @property
    def facts(self) -> list[ColumnFacts]:
        """Of each column, over all rows."""
        return [
            reduce(ColumnFacts.merge, (shard.facts[at] for shard in self.shards), ColumnFacts())
            for at in range(len(self.columns))
        ]
