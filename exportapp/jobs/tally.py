"""What a shard turns out to hold while it is read: rows, facts of its columns, and issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from django.db.models import Count
from django.utils.translation import gettext as _

from exportapp.exceptions import RowRefused
from exportapp.jobs.book import cell_of
from exportapp.jobs.formats import format_of
from exportapp.jobs.words import issue_words
from exportapp.models import ExportIssue, ExportJob, ExportShard
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.copyout import NotPlain
from exportapp.tables.readers import Chunk, RowIssue
from exportapp.xlsx import ColumnFacts, measure

ISSUES_KEPT: Final = 1000
"""Issues of one code that an export keeps with their rows; the rest is counted."""

SNAPSHOT_CHARS: Final = 200
"""How much of a value an issue keeps."""


Loss: TypeAlias = tuple[int, str, list[int]]
"""The position of a column, the code of an issue, and the positions of the rows in a chunk."""


class Tally:
    """Rows, sheet XML at most, facts and issues of one shard."""

    def __init__(self, job: ExportJob, columns: Sequence[ColumnSpec]) -> None:
        self._job, self._columns, self._format = job, columns, format_of(job)
        self._cells = [cell_of(column, style=1) for column in columns]
        self.rows = 0
        self.xml_bytes = 0
        # Which texts there are is only asked where few of them would be shared.
        texts = None if self._format.options.strings == "inline" else ()
        self.facts = [ColumnFacts(distinct=texts) for _ in columns]
        self._issues: list[RowIssue] = []
        self._codes: Counter[str] = Counter()

    def add(self, chunk: Chunk) -> Chunk:
        """Count the rows of a chunk; returns those that are kept.

        Raises NotPlain where rows have to be named and the chunk does not know their keys. For
        values that the file cannot hold whole the policy decides: "fail" raises RowRefused for the
        first of them, "skip" leaves its row out, under "blank" the file gets what it can hold.
        """
        self._codes.update(issue.code for issue in chunk.issues)
        self._issues += chunk.issues
        facts, xml_bytes = self._measured(chunk)
        lost = list(self._losses(chunk, facts))
        self._issues += [issue for loss in lost for issue in self._named(chunk, *loss)]
        if lost and self._job.policy == "skip":
            # Facts are of what is kept, so what is not is counted here.
            self._codes.update(code for _, code, rows in lost for _ in rows)
            chunk = chunk.without({row for *_, rows in lost for row in rows})
            facts, xml_bytes = self._measured(chunk)
        self.rows += chunk.batch.num_rows
        self.xml_bytes += xml_bytes
        self.facts = [known.merge(new) for known, new in zip(self.facts, facts, strict=True)]
        return chunk

    def _measured(self, chunk: Chunk) -> tuple[list[ColumnFacts], int]:
        references = not self._format.options.compact
        return measure(chunk.batch, self._cells, self.facts, references=references)

    def counted(self) -> dict[str, int]:
        """By code: values left out while reading, and those that the file cannot hold whole."""
        found = self._codes.copy()
        for facts in self.facts:
            found.update(self._format.counted(facts))
        return dict(+found)

    def keep_issues(self, shard: ExportShard) -> None:
        """Keep the first ISSUES_KEPT of each code with their rows, over the whole export."""
        kept, wanted = self._kept.copy() if self._issues else Counter(), []
        for issue in self._issues:
            kept[issue.code] += 1
            if kept[issue.code] <= ISSUES_KEPT:
                wanted.append(issue)
        ExportIssue.objects.bulk_create(
            ExportIssue(
                job=self._job,
                shard=shard.number,
                layer=issue.layer,
                code=issue.code,
                key=issue.key[:200],
                column=issue.column[:200],
                message=issue.message[:500],
                value=issue.value[:200],
                spec_fingerprint=self._job.spec_fingerprint,
            )
            for issue in wanted
        )

    @cached_property
    def _kept(self) -> Counter[str]:
        """How many issues of each code the export keeps already; asked where there are any."""
        codes = ExportIssue.objects.filter(job=self._job).order_by().values_list("code")
        return Counter(dict(codes.annotate(Count("pk"))))

    def _losses(self, chunk: Chunk, facts: Sequence[ColumnFacts]) -> Iterator[Loss]:
        """What of a chunk the file cannot hold whole, as far as somebody has to know the rows."""
        for at, (column, known) in enumerate(zip(self._columns, facts, strict=True)):
            found = self._format.counted(known)
            decides = bool(found) and self._job.policy != "blank"
            if not decides and not any(self._kept[code] < ISSUES_KEPT for code in found):
                continue
            if not len(chunk.keys):
                raise NotPlain(f"{', '.join(found)} in '{column.key}': rows have to be named")
            for code, rows in self._format.losses(chunk.batch.column(at), column.kind):
                yield at, code, rows

    def _named(self, chunk: Chunk, at: int, code: str, rows: Sequence[int]) -> Iterator[RowIssue]:
        """The issues of a loss. Raises RowRefused under the policy "fail"."""
        column, said = self._columns[at].key, issue_words(code)
        for row in rows[:ISSUES_KEPT]:
            value = repr(chunk.batch.column(at)[row].as_py())[:SNAPSHOT_CHARS]
            key = str(chunk.keys[row])
            if self._job.policy == "fail":
                raise RowRefused(
                    _("Row {key}, column '{column}': {why} ({value})").format(
                        key=key, column=column, why=said, value=value
                    )
                )
            yield RowIssue(code=code, key=key, column=column, message=said, value=value)
