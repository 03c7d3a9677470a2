"""Copy a key range out of the database into an Arrow IPC file (lz4). Counts become facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import cast

import pyarrow as pa
from django.db import transaction

from exportapp.conf import conf
from exportapp.jobs.book import cell_of
from exportapp.jobs.files import kept_if_committed, writing
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import Lease
from exportapp.jobs.recall import Recalled
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.states import ShardState
from exportapp.tables.arrays import arrow_schema
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.keys import loads
from exportapp.tables.readers import Policy, RowIssue, read
from exportapp.xlsx import ColumnFacts, column_facts, estimate_xml_bytes

ISSUES_KEPT = 1000
"""Issues of one code that are kept with their row; the rest is counted."""


def extract(job: ExportJob, lease: Lease, recalled: Recalled, beat: Heartbeat) -> ShardState:
    """Write the shard's rows and commit their number, digest and column facts."""
    shard = lease.piece
    assert isinstance(shard, ExportShard)
    tally = Tally(recalled.columns)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    after = loads(shard.after) if shard.after else None
    rows = recalled.keyset.between(after, loads(shard.upto))
    chunks = read(
        rows,
        recalled.columns,
        recalled.viewer,
        batch_rows=conf.BATCH_ROWS,
        policy=cast(Policy, job.policy),
    )
    schema = arrow_schema(recalled.columns)
    with (
        writing(job, f"shard-{shard.number:05}.arrow", lease.fence) as written,
        pa.ipc.new_stream(written.file, schema, options=options) as sink,
    ):
        for chunk in chunks:
            sink.write_batch(chunk.batch)
            tally.add(chunk.batch, chunk.issues)
            beat(tally.rows)
    with kept_if_committed(written.path), transaction.atomic():
        lease.commit(
            ShardState.EXTRACTED,
            rows_extracted=tally.rows,
            arrow_path=written.path,
            arrow_sha256=written.sha256,
            facts=[facts.to_json() for facts in tally.facts],
            xml_estimate=tally.xml_bytes,
            issues_counted=dict(tally.codes),
        )
        _keep_issues(job, shard, tally)
    return ShardState.EXTRACTED


class Tally:
    """What one shard turned out to hold: rows, sheet XML at most, facts and issues."""

    def __init__(self, columns: tuple[ColumnSpec, ...]) -> None:
        self.columns = columns
        self.cells = [cell_of(column, style=1) for column in columns]
        self.rows = 0
        self.xml_bytes = 0
        self.facts = [ColumnFacts() for _ in columns]
        self.issues: list[RowIssue] = []
        self.codes: Counter[str] = Counter()

    def add(self, batch: pa.RecordBatch, issues: Iterable[RowIssue]) -> None:
        self.rows += batch.num_rows
        self.xml_bytes += estimate_xml_bytes(batch, self.cells)
        for index, (cell, array) in enumerate(zip(self.cells, batch.columns, strict=True)):
            self.facts[index] = self.facts[index].merge(column_facts(array, cell.kind))
        for issue in issues:
            self.codes[issue.code] += 1
            if self.codes[issue.code] <= ISSUES_KEPT:
                self.issues.append(issue)


def _keep_issues(job: ExportJob, shard: ExportShard, tally: Tally) -> None:
    ExportIssue.objects.filter(job=job, shard=shard.number).delete()
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
