"""The rows of one sheet of a stream: batches that can be cut and put back, and what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import RequestRefused, RowRefused
from exportapp.jobs.formats import Format
from exportapp.jobs.stop import Stop
from exportapp.jobs.words import issue_words
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import Chunk, Policy
from exportapp.tables.scan import scan
from exportapp.tables.selection import Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.xlsx import column_facts


@dataclass
class Room:
    """How many rows a stream may still have, over all of its sheets."""

    limit: int
    taken: int = 0

    @classmethod
    def for_rows(cls, keysets: Sequence[Keyset], viewer: Viewer, stop: Stop) -> Room:
        """Raises RequestRefused where there are more; it counts up to the first one too many.

        And WorkInterrupted, when `stop` was asked for.
        """
        room = cls(conf.STREAM_ROWS)
        found = 0
        with viewer.active(), stop.heeded():
            for keyset in keysets:
                stop.heed()
                stop.reads(keyset.queryset.db)
                found += keyset.queryset.order_by()[: room.limit + 1 - found].count()
                room.require(found)
        return room

    def take(self, rows: int) -> None:
        """Raises RequestRefused: rows came meanwhile, and now they are too many."""
        self.taken += rows
        self.require(self.taken)

    def require(self, rows: int) -> None:
        if rows > self.limit:
            said = _(
                "A stream has at most {limit} rows, and here are more. "
                "Filter them, or ask for an export in their place."
            )
            raise RequestRefused(said.format(limit=self.limit))


class Feed:
    def __init__(
        self,
        sheet: SheetSpec,
        keyset: Keyset,
        viewer: Viewer,
        *,
        policy: str,
        format: Format,
        room: Room,
        stop: Stop,
    ) -> None:
        self.sheet, self.viewer = sheet, viewer
        self._policy, self._format, self._room, self._stop = policy, format, room, stop
        self._alias = keyset.queryset.db
        self._chunks: Generator[Chunk] = scan(
            keyset,
            sheet.columns,
            viewer,
            policy=cast(Policy, policy),
            waiting=stop.heed,
            begin=stop.copies,
        )
        self._waiting: pa.RecordBatch | None = None
        self.issues: Counter[str] = Counter()
        self.rows = 0

    def peek(self) -> pa.RecordBatch | None:
        """The next batch; it has rows. Raises WorkInterrupted, and RequestRefused for too many."""
        while self._waiting is None and (chunk := self._read()):
            self._room.take(chunk.batch.num_rows)
            self.issues.update(issue.code for issue in chunk.issues)
            self._count_losses(chunk.batch)
            self._waiting = chunk.batch if chunk.batch.num_rows else None
        return self._waiting

    def drop(self, rows: int) -> None:
        """The first `rows` of the next batch are written."""
        assert self._waiting is not None
        rest = self._waiting.slice(rows)
        self._waiting = rest if rest.num_rows else None
        self.rows += rows

    def close(self) -> None:
        self._chunks.close()

    def _read(self) -> Chunk | None:
        self._stop.heed()
        # In the thread that reads: each has connections of its own.
        self._stop.reads(self._alias)
        return next(self._chunks, None)

    def _count_losses(self, batch: pa.RecordBatch) -> None:
        for column, array in zip(self.sheet.columns, batch.columns, strict=True):
            found = self._format.counted(column_facts(array, column.kind))
            if found and self._policy == "fail":
                said = issue_words(next(iter(found)))
                raise RowRefused(_("Column '{column}': {why}").format(column=column.key, why=said))
            self.issues.update(found)
