from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, cast

from django.db import connections, models, router
from django.utils.translation import pgettext_lazy

from exportapp.models.job import ExportJob
from exportapp.models.leased import Leased, LeasedQuerySet
from exportapp.states import CLAIMED, RELEASED, ShardState

CLAIM: Final = """
UPDATE exportapp_exportshard
SET status = %(claimed)s, fence = fence + 1, worker = %(worker)s,
    lease_until = STATEMENT_TIMESTAMP() + %(seconds)s * INTERVAL '1 second'
WHERE id = (
    SELECT id FROM exportapp_exportshard
    WHERE job_id = %(job)s AND status = %(state)s
        AND (lease_until IS NULL OR lease_until <= STATEMENT_TIMESTAMP())
        AND (not_before IS NULL OR not_before <= STATEMENT_TIMESTAMP())
        AND EXISTS (SELECT FROM exportapp_exportjob WHERE id = %(job)s AND moves = %(moves)s)
    ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *
"""
"""`LeasedQuerySet.free` and `Leased.claim` in one statement of PostgreSQL's.

It is asked for each piece of each export: the ORM would make and send two statements in a
transaction.
"""

COUNTED: Final = ("status", "rows_planned", "rows_extracted", "rows_rendered", "xlsx_size")
"""What `counted` asks of a shard."""


class ExportShardQuerySet(LeasedQuerySet):
    def claim_first(
        self, job: ExportJob, state: ShardState, worker: str, seconds: int
    ) -> ExportShard | None:
        """Take the first free shard of `job` that is in `state`, pending or extracted.

        None where there is none, and where the job moved since it was read.
        """
        alias = router.db_for_write(ExportShard)
        if connections[alias].vendor == "postgresql":
            asked = {"job": job.pk, "moves": job.moves, "worker": worker, "seconds": seconds}
            asked |= {"state": state, "claimed": CLAIMED[state]}
            claimed: list[ExportShard] = list(self.using(alias).raw(CLAIM, asked))
            return claimed[0] if claimed else None
        free = self.using(alias).filter(job=job, job__moves=job.moves, status=state)
        free = free.free().order_by("number")
        while (shard := cast(ExportShard | None, free.first())) is not None:
            fence = shard.claim(worker, seconds, status=CLAIMED[state])
            # Another worker may have been quicker: then the next one is looked for.
            if fence is not None:
                # The guarded UPDATE proves that nothing else of the row has changed.
                shard.fence, shard.status, shard.worker = fence, CLAIMED[state], worker
                return shard
        return None

    def counts(self) -> dict[str, int]:
        """Rows planned, extracted and rendered, and shards in all and rendered."""
        return counted(self.order_by().only(*COUNTED))


class ExportShard(Leased):
    """A key range of an export, and the files made from it."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    """Over all sheets."""
    sheet = models.PositiveSmallIntegerField(default=0)
    """Which of the export's sheets its rows are of, from 0."""
    after = models.TextField(blank=True)
    """The key before the range; empty at the beginning of the sheet."""
    upto = models.TextField()
    """The last key of the range."""
    status = models.CharField(max_length=20, choices=ShardState.choices, default=ShardState.PENDING)

    rows_planned = models.PositiveBigIntegerField()
    rows_extracted = models.PositiveBigIntegerField(null=True)
    rows_rendered = models.PositiveBigIntegerField(null=True)
    first_row = models.PositiveBigIntegerField(null=True)
    """Rows of the export, over all sheets, that come before it."""

    arrow_path = models.CharField(max_length=300, blank=True)
    arrow_digest = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(null=True)
    issues_counted = models.JSONField(default=dict)
    xml_estimate = models.PositiveBigIntegerField(default=0)
    xlsx_path = models.CharField(max_length=300, blank=True)
    xlsx_digest = models.CharField(max_length=64, blank=True)
    xlsx_size = models.PositiveBigIntegerField(default=0)
    spans = models.JSONField(null=True)

    objects: ClassVar[Any] = ExportShardQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("export", "shard")
        verbose_name_plural = pgettext_lazy("export", "shards")
        ordering = ["job", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="exportapp_shard_number")
        ]
        indexes = [models.Index(fields=["job", "status", "number"], name="exportapp_shard_status")]

    def __str__(self) -> str:
        return f"shard {self.number}"

    @property
    def state(self) -> ShardState:
        return ShardState(self.status)

    @property
    def released_state(self) -> ShardState:
        """What this shard goes back to when nobody holds it."""
        return RELEASED.get(self.state, self.state)


def counted(shards: Iterable[ExportShard]) -> dict[str, int]:
    """How far these shards are, as the anchors tell it.

    An export has few enough of them that to add them up here is quicker than to tell a database
    of seven sums.
    """
    known = list(shards)
    rendered = [shard for shard in known if shard.state == ShardState.RENDERED]
    return {
        "rows_total": sum(_rows(shard) for shard in known),
        "rows_planned": sum(shard.rows_planned for shard in known),
        "rows_extracted": sum(shard.rows_extracted or 0 for shard in known),
        "rows_rendered": sum(shard.rows_rendered or 0 for shard in rendered),
        "total_chunks": len(known),
        "current_chunk": len(rendered),
        "bytes": sum(shard.xlsx_size for shard in rendered),
    }


def _rows(shard: ExportShard) -> int:
    return shard.rows_planned if shard.rows_extracted is None else shard.rows_extracted
