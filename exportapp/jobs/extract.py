"""Copy a key range out of the database into an Arrow IPC file. Counts become facts."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.jobs.files import kept_if_committed, writing
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import Lease
from exportapp.jobs.recall import Recalled
from exportapp.jobs.spool import SpoolWriter
from exportapp.jobs.tally import Tally
from exportapp.jobs.versions import VERSION
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.states import ShardState
from exportapp.tables.arrays import arrow_schema
from exportapp.tables.copyable import obstacle
from exportapp.tables.copying import copy
from exportapp.tables.copyout import Line, NotPlain
from exportapp.tables.keys import loads
from exportapp.tables.readers import Chunk, Policy, RowIssue, read

Chunks = Generator[Chunk]

_local = threading.local()
"""Has, by database, the line of each thread that reads."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """How a shard was read, for its event."""

    reader: str
    why: str | None
    """What stood in the way of COPY."""


def extract(job: ExportJob, lease: Lease, sheets: Sequence[Recalled], beat: Heartbeat) -> Extracted:
    """Write the shard's rows and commit their number, digest and column facts."""
    shard = lease.piece
    assert isinstance(shard, ExportShard)
    recalled = sheets[shard.sheet]
    after = loads(shard.after) if shard.after else None
    rows = recalled.keyset.between(after, loads(shard.upto))
    why = "EXPORTAPP_READER is orm" if conf.READER == "orm" else obstacle(rows, recalled.columns)
    if why is None:
        try:
            _spool(job, lease, recalled, _copied(rows, recalled, beat), beat)
            return Extracted("copy", None)
        except NotPlain as error:
            # One value in a million: this shard is read again, the others are not.
            why = str(error)
    _spool(job, lease, recalled, _fetched(rows, recalled, cast(Policy, job.policy)), beat)
    return Extracted("orm", why)


def leave_out(
    job: ExportJob,
    lease: Lease,
    sheets: Sequence[Recalled],
    beat: Heartbeat,
    *,
    layer: str,
    code: str,
) -> str:
    """Commit the shard without a row of its range; returns the sentence that its issue says."""
    shard = cast(ExportShard, lease.piece)
    recalled = sheets[shard.sheet]
    said = _left_out(shard, recalled.name)
    issue = RowIssue(code=code, layer=layer, key="", column="", message=said, value="")
    batch = pa.RecordBatch.from_pylist([], schema=arrow_schema(recalled.columns))
    _spool(job, lease, recalled, (chunk for chunk in [Chunk(batch, (issue,), (), 0)]), beat)
    return said


def _left_out(shard: ExportShard, sheet: str) -> str:
    said = _("{rows} rows are left out: {start}, up to {upto}")
    if sheet:
        said = _("{rows} rows of the sheet '{sheet}' are left out: {start}, up to {upto}")
    start = _("after {key}").format(key=shard.after) if shard.after else _("from the beginning")
    return said.format(rows=shard.rows_planned, sheet=sheet, start=start, upto=shard.upto)


def _copied(rows: QuerySet[Any], recalled: Recalled, beat: Heartbeat) -> Chunks:
    options: dict[str, Any] = {"batch_rows": conf.BATCH_ROWS, "waiting": beat.wait}
    options["begin"] = recalled.begin
    options["line"] = _line(recalled.alias)
    yield from copy(rows, recalled.columns, recalled.viewer, **options)


def let_go() -> None:
    """End the connections of this thread that wait for more ranges to be read by COPY."""
    for line in _lines_of_thread().values():
        line.close()


def _line(alias: str) -> Line:
    return _lines_of_thread().setdefault(alias, Line(alias))


def _lines_of_thread() -> dict[str, Line]:
    if not hasattr(_local, "lines"):
        _local.lines = {}
    lines: dict[str, Line] = _local.lines
    return lines


def _fetched(rows: QuerySet[Any], recalled: Recalled, policy: Policy) -> Chunks:
    options: dict[str, Any] = {"batch_rows": conf.BATCH_ROWS, "policy": policy}
    yield from read(rows, recalled.columns, recalled.viewer, **options)


def _spool(
    job: ExportJob, lease: Lease, recalled: Recalled, chunks: Chunks, beat: Heartbeat
) -> None:
    shard = cast(ExportShard, lease.piece)
    tally = Tally(job, recalled.columns)
    with (
        # An interrupted COPY must let go of its connection now, not when it is collected.
        closing(chunks),
        writing(job, f"shard-{shard.number:05}.arrow", lease.fence) as written,
        SpoolWriter(written.file, recalled.columns, recalled.keyset.queryset.model) as sink,
    ):
        for chunk in chunks:
            sink.write(tally.add(chunk))
            written.send()
            beat(tally.rows)
    read_before = shard.facts is not None
    with kept_if_committed(written.path), transaction.atomic():
        lease.commit(
            ShardState.EXTRACTED,
            rows_extracted=tally.rows,
            arrow_path=written.path,
            arrow_digest=written.digest,
            facts={"v": VERSION, "columns": [facts.to_json() for facts in tally.facts]},
            xml_estimate=tally.xml_bytes,
            issues_counted=tally.counted(),
        )
        if read_before:
            ExportIssue.objects.filter(job=job, shard=shard.number).delete()
        tally.keep_issues(shard)
