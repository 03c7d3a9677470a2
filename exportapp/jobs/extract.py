"""Copy a key range out of the database into an Arrow IPC file (lz4). Counts become facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
from django.db import transaction
from django.db.models import QuerySet

from exportapp.conf import conf
from exportapp.jobs.book import cell_of
from exportapp.jobs.files import kept_if_committed, writing
from exportapp.jobs.formats import Format, format_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import Lease
from exportapp.jobs.recall import Recalled
from exportapp.jobs.versions import VERSION
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.states import ShardState
from exportapp.tables.arrays import arrow_schema
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.copyable import obstacle
from exportapp.tables.copying import copy
from exportapp.tables.copyout import NotPlain
from exportapp.tables.keys import loads
from exportapp.tables.readers import Policy, RowIssue, read
from exportapp.xlsx import ColumnFacts, measure

ISSUES_KEPT = 1000
"""Issues of one code that are kept with their row; the rest is counted."""


Chunks = Generator[tuple[pa.RecordBatch, Sequence[RowIssue]]]


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
    where = f" of the sheet '{recalled.name}'" if recalled.name else ""
    start = f"after {shard.after}" if shard.after else "from the beginning"
    said = f"{shard.rows_planned} rows{where} are left out: {start}, up to {shard.upto}"
    issue = RowIssue(code=code, layer=layer, key="", column="", message=said, value="")
    batch = pa.RecordBatch.from_pylist([], schema=arrow_schema(recalled.columns))
    _spool(job, lease, recalled, (chunk for chunk in [(batch, [issue])]), beat)
    return said


def _copied(rows: QuerySet[Any], recalled: Recalled, beat: Heartbeat) -> Chunks:
    options: dict[str, Any] = {"batch_rows": conf.BATCH_ROWS, "waiting": beat.wait}
    options["begin"] = recalled.begin
    for batch in copy(rows, recalled.columns, recalled.viewer, **options):
        yield batch, ()


def _fetched(rows: QuerySet[Any], recalled: Recalled, policy: Policy) -> Chunks:
    options: dict[str, Any] = {"batch_rows": conf.BATCH_ROWS, "policy": policy}
    for chunk in read(rows, recalled.columns, recalled.viewer, **options):
        yield chunk.batch, chunk.issues


def _spool(
    job: ExportJob, lease: Lease, recalled: Recalled, chunks: Chunks, beat: Heartbeat
) -> None:
    shard = cast(ExportShard, lease.piece)
    tally = Tally(recalled.columns, format_of(job))
    # The other cores have workers of their own.
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    schema = arrow_schema(recalled.columns)
    with (
        # An interrupted COPY must let go of its connection now, not when it is collected.
        closing(chunks),
        writing(job, f"shard-{shard.number:05}.arrow", lease.fence) as written,
        pa.ipc.new_stream(written.file, schema, options=options) as sink,
    ):
        for batch, issues in chunks:
            sink.write_batch(batch)
            tally.add(batch, issues)
            beat(tally.rows)
    read_before = shard.facts is not None
    with kept_if_committed(written.path), transaction.atomic():
        lease.commit(
            ShardState.EXTRACTED,
            rows_extracted=tally.rows,
            arrow_path=written.path,
            arrow_sha256=written.sha256,
            facts={"v": VERSION, "columns": [facts.to_json() for facts in tally.facts]},
            xml_estimate=tally.xml_bytes,
            issues_counted=tally.counted(),
        )
        if read_before:
            ExportIssue.objects.filter(job=job, shard=shard.number).delete()
        _keep_issues(job, shard, tally)


class Tally:
    """What one shard turned out to hold: rows, sheet XML at most, facts and issues."""

    def __init__(self, columns: tuple[ColumnSpec, ...], format: Format) -> None:
        self.columns, self.format = columns, format
        self.references = not format.options.compact
        self.cells = [cell_of(column, style=1) for column in columns]
        self.rows = 0
        self.xml_bytes = 0
        # Which texts there are is only asked where few of them would be shared.
        texts = None if format.options.strings == "inline" else ()
        self.facts = [ColumnFacts(distinct=texts) for _ in columns]
        self.issues: list[RowIssue] = []
        self.codes: Counter[str] = Counter()

    def add(self, batch: pa.RecordBatch, issues: Iterable[RowIssue]) -> None:
        self.rows += batch.num_rows
        facts, xml_bytes = measure(batch, self.cells, self.facts, references=self.references)
        self.xml_bytes += xml_bytes
        self.facts = [known.merge(new) for known, new in zip(self.facts, facts, strict=True)]
        for issue in issues:
            self.codes[issue.code] += 1
            if self.codes[issue.code] <= ISSUES_KEPT:
                self.issues.append(issue)

    def counted(self) -> dict[str, int]:
        """By code: values left out while reading, and those that the file cannot hold whole."""
        found = self.codes.copy()
        for facts in self.facts:
            found.update(self.format.losses(facts))
        return dict(+found)


def _keep_issues(job: ExportJob, shard: ExportShard, tally: Tally) -> None:
    ExportIssue.objects.bulk_create(
        ExportIssue(
            job=job,
            shard=shard.number,
            layer=issue.layer,
            code=issue.code,
            key=issue.key[:200],
            column=issue.column[:200],
            message=issue.message[:500],
            value=issue.value[:200],
            spec_fingerprint=job.spec_fingerprint,
        )
        for issue in tally.issues
    )
