"""The orm reader: rows of any database, and functions of instances, as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Final, Literal, TypeAlias

import pyarrow as pa
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from exportapp.exceptions import RowRefused
from exportapp.tables.arrays import Problems, arrow_schema, column_array
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.fetch import Fetched, fetch
from exportapp.tables.selection import Viewer
from exportapp.xlsx import CellColumn, estimate_xml_bytes

Policy: TypeAlias = Literal["fail", "blank", "skip"]
"""What a bad value does: end the export, leave its cell blank, or leave out its row."""

SAMPLE_ROWS: Final = 200
"""Rows that `sample_weight` reads at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowIssue:
    """A value that could not be written as it is."""

    code: str
    """"callable_raised", "value_unsupported", "not_finite", "out_of_range" or "list_cut"."""
    key: str
    """The row's primary key as text."""
    column: str
    """The column's key."""
    message: str
    value: str
    """repr() of the value, cut to 200 characters."""
    layer: str = "semantic"


@dataclass(frozen=True, slots=True)
class Chunk:
    batch: pa.RecordBatch
    """One array a column, typed by `arrow_schema`; skipped rows are not in it."""
    issues: tuple[RowIssue, ...]
    keys: Sequence[Any] | pa.Array
    """The primary key of each row of the batch; empty where the reader knows none."""
    rows_read: int
    """Rows that came out of the database, skipped ones among them."""

    def without(self, rows: Set[int]) -> Chunk:
        """The chunk less the rows at these positions."""
        kept = pa.array([row not in rows for row in range(self.batch.num_rows)], pa.bool_())
        if isinstance(self.keys, pa.Array):
            keys = self.keys.filter(kept)
        else:
            keys = list(compress(self.keys, kept.to_pylist()))
        return replace(self, batch=self.batch.filter(kept), keys=keys)


def read(
    queryset: QuerySet[Any],
    columns: Sequence[ColumnSpec],
    viewer: Viewer,
    *,
    batch_rows: int,
    policy: Policy,
) -> Iterator[Chunk]:
    """The queryset's rows in its order, at most `batch_rows` in a chunk.

    The viewer's language and time zone hold while rows are read and not between chunks. Raises
    RowRefused for the first bad value under the policy "fail", and the database's own errors.
    """
    schema = arrow_schema(columns)
    batches = fetch(queryset, columns, batch_rows)
    while True:
        with viewer.active():
            fetched = next(batches, None)
            if fetched is None:
                return
            chunk = _chunk(fetched, columns, schema, policy)
        yield chunk


def sample_weight(
    queryset: QuerySet[Any], columns: Sequence[ColumnSpec], viewer: Viewer
) -> float | None:
    """Bytes of sheet XML that a row makes on average, from the first 200 rows; None without rows.

    An upper bound and deterministic: the same rows weigh the same, whoever asks.
    """
    sample = queryset[:SAMPLE_ROWS]
    chunk = next(read(sample, columns, viewer, batch_rows=SAMPLE_ROWS, policy="blank"), None)
    if chunk is None:
        return None
    # A style costs bytes in every cell; only whether there is one matters here.
    cells = [
        CellColumn(kind=spec.kind, style=int(spec.number_format != "General")) for spec in columns
    ]
    return estimate_xml_bytes(chunk.batch, cells) / chunk.rows_read


def _chunk(
    fetched: Fetched, columns: Sequence[ColumnSpec], schema: pa.Schema, policy: Policy
) -> Chunk:
    results = [
        column_array(spec, values) for spec, values in zip(columns, fetched.columns, strict=True)
    ]
    batch = pa.record_batch([array for array, _ in results], schema=schema)
    problems = [found for _, found in results]
    issues = tuple(_issues(columns, problems, fetched.keys))
    bad = {row for found in problems for row, problem in found.items() if not problem.kept}
    if bad and policy == "fail":
        raise _refused(next(_issues(columns, [_bad(found) for found in problems], fetched.keys)))
    chunk = Chunk(batch, issues, fetched.keys, len(fetched.keys))
    return chunk.without(bad) if bad and policy == "skip" else chunk


def _issues(
    columns: Sequence[ColumnSpec], problems: Sequence[Problems], keys: Sequence[Any]
) -> Iterator[RowIssue]:
    ordered = sorted(
        (row, position, problem)
        for position, found in enumerate(problems)
        for row, problem in found.items()
    )
    for row, position, problem in ordered:
        yield RowIssue(
            code=problem.code,
            key=str(keys[row]),
            column=columns[position].key,
            message=problem.message,
            value=problem.value,
        )


def _bad(found: Problems) -> Problems:
    return {row: problem for row, problem in found.items() if not problem.kept}


def _refused(issue: RowIssue) -> RowRefused:
    said = _("Row {key}, column '{column}': {why}")
    if issue.value:
        said = _("Row {key}, column '{column}': {why} ({value})")
    shown = {"key": issue.key, "column": issue.column, "why": issue.message, "value": issue.value}
    return RowRefused(said.format(**shown))
