"""All rows of a selection one after the other, range by range, for whoever keeps no files.

A range is read to its end before its rows go out or, by the ORM, in a few moments: whoever takes
the rows slowly holds no long query, which would keep PostgreSQL from cleaning up and others from
writing to SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from django.db.models import QuerySet

from exportapp.conf import conf
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.copyable import obstacle
from exportapp.tables.copying import copy
from exportapp.tables.copyout import Line, NotPlain
from exportapp.tables.keys import Bound
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import Chunk, Policy, read, sample_weight
from exportapp.tables.selection import Viewer

RANGE_BYTES: Final = 8 * 2**20
"""Sheet XML aimed at for one range, in bytes: what is held in memory, a few times over."""


def scan(
    keyset: Keyset,
    columns: Sequence[ColumnSpec],
    viewer: Viewer,
    *,
    policy: Policy,
    waiting: Callable[[], None] = lambda: None,
    begin: Callable[[Any], None] | None = None,
) -> Generator[Chunk]:
    """The rows in order, in chunks of at most BATCH_ROWS, by COPY where it gives the same cells.

    Rows that come or go meanwhile are seen or not by where they stand, as in a job. Closing it
    ends the query that is under way. `waiting` and `begin` are as `copy` takes them. Raises as
    `read` does.
    """
    weight = sample_weight(keyset.ordered(), columns, viewer)
    size = conf.BATCH_ROWS if weight is None else max(1, int(RANGE_BYTES / weight))
    after: Bound | None = None
    with closing(Line(keyset.queryset.db)) as line:
        calls = {"waiting": waiting, "begin": begin, "line": line}
        while upto := _next_bound(keyset, viewer, after, size):
            yield from _chunks(keyset.between(after, upto), columns, viewer, policy, calls)
            after = upto


def _next_bound(keyset: Keyset, viewer: Viewer, after: Bound | None, rows: int) -> Bound | None:
    with viewer.active():
        found = keyset.hop(after, rows)
    return found[0] if found else None


def _chunks(
    rows: QuerySet[Any],
    columns: Sequence[ColumnSpec],
    viewer: Viewer,
    policy: Policy,
    calls: Mapping[str, Any],
) -> Generator[Chunk]:
    batch_rows = conf.BATCH_ROWS
    if conf.READER != "orm" and obstacle(rows, columns) is None:
        try:
            # Whole before any of it goes out: one odd value and the ORM reads the range again.
            copied = list(copy(rows, columns, viewer, batch_rows=batch_rows, **calls))
        except NotPlain:
            pass
        else:
            yield from copied
            return
    yield from read(rows, columns, viewer, batch_rows=batch_rows, policy=policy)
