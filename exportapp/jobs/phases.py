"""From one phase of an export to the next, once all of its pieces are done.

Any worker may call these at any moment: each is one guarded move, and whoever comes second sees
that it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.exceptions import SourceChanged
from exportapp.jobs import files
from exportapp.jobs.formats import format_of
from exportapp.jobs.journal import Happened, alarm, is_alarmed, record
from exportapp.jobs.layout import Layout, lay_out
from exportapp.jobs.leases import UNHELD, is_held, worker_name
from exportapp.jobs.measured import MeasuredShard, MeasuredSheet
from exportapp.jobs.sharing import renumbered, share
from exportapp.jobs.transitions import fail, try_move
from exportapp.jobs.versions import require_version
from exportapp.jobs.wakeups import wake_helpers
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.sheets import sheets_from_json
from exportapp.xlsx import ColumnFacts, LimitExceeded, XlsxError


def advance(job: ExportJob) -> bool:
    """Move on if the phase is complete; False when pieces of it are still to be done."""
    job.refresh_from_db()
    shards = ExportShard.objects.filter(job=job)
    if job.state == JobState.EXTRACTING and job.planned_at:
        if shards.filter(status__in=(ShardState.PENDING, ShardState.EXTRACTING)).exists():
            return False
        return _settle_layout(job)
    if job.state == JobState.RENDERING:
        if shards.filter(status__in=(ShardState.PENDING, ShardState.EXTRACTING)).exists():
            # It was found damaged while another worker settled the layout.
            return try_move(
                job, JobState.EXTRACTING, gettext_noop("rows of a damaged file are read again")
            )
        if shards.exclude(status=ShardState.RENDERED).exists():
            return False
        return try_move(job, JobState.MERGING, gettext_noop("every shard is rendered"))
    return False


def _settle_layout(job: ExportJob) -> bool:
    shards = list(ExportShard.objects.filter(job=job).order_by("number"))
    issues: Counter[str] = Counter()
    places = []
    place = 0
    for shard in shards:
        places.append(place)
        place += shard.rows_extracted
        issues.update(shard.issues_counted)
    try:
        before = Layout.from_json(job.layout) if job.layout else None
        with translation.override(job.language):
            layout = _lay_out(job, shards)
    except XlsxError as error:
        return fail(job, "too_large", str(error), cause=error)
    except SourceChanged as error:
        return fail(job, error.code, str(error), cause=error)
    with transaction.atomic():
        now = ExportJob.objects.select_for_update().only("planned_at").get(pk=job.pk)
        # Not in the WHERE: SQLite's own clock writes moments shorter than Django does.
        if now.planned_at != job.planned_at:
            # Reading started over since the shards were looked at.
            return True
        changes = {"layout": layout.to_json(), "issues_counted": dict(issues)}
        moved = try_move(
            job, JobState.RENDERING, gettext_noop("all rows have their places"), **changes
        )
        if moved:
            _place(shards, places, before, layout)
            planned = sum(shard.rows_planned for shard in shards)
            record(job, Happened.LAID_OUT, planned=planned, extracted=place, sheets=layout.sheets)
            wake_helpers(job, min(job.parallelism, len(shards)) - 1)
    return moved


def _lay_out(job: ExportJob, shards: Sequence[ExportShard]) -> Layout:
    """Raises XlsxError for what no sheet holds, SourceChanged for facts of another version."""
    shape = format_of(job)
    limits: dict[str, Any] = {"sheet_rows": shape.sheet_rows, "sheet_bytes": shape.sheet_bytes}
    sheets = [
        MeasuredSheet(sheet.columns, [_measured(each) for each in shards if each.sheet == number])
        for number, sheet in enumerate(sheets_from_json(job.sheets, job.columns))
    ]
    strings = share(shape.options, sheets, conf.WORKBOOK_BYTES)
    if len(sheets) == 1:
        (sheet,) = sheets
        return lay_out(sheet.columns, sheet.sizes, sheet.facts, strings=strings, **limits)
    if strings and len(strings.shards) > 1:
        raise LimitExceeded(
            _(
                "All texts of several sheets are more than one workbook holds as shared "
                "strings. Start over with the option strings=inline."
            )
        )
    layouts = [lay_out(sheet.columns, sheet.sizes, sheet.facts, **limits) for sheet in sheets]
    return Layout.of_sheets(layouts, strings)


def _measured(shard: ExportShard) -> MeasuredShard:
    found = require_version(shard.facts or {}, _("The facts of the columns"))["columns"]
    facts = [ColumnFacts.from_json(each) for each in found]
    return MeasuredShard(shard.rows_extracted or 0, shard.xml_estimate, facts)


def _place(
    shards: Sequence[ExportShard], places: Sequence[int], before: Layout | None, layout: Layout
) -> None:
    """Give every shard its first row; bytes that were made for another place are made again."""
    moved = []
    for shard, place in zip(shards, places, strict=True):
        if before is None or _differs(shard, place, before, layout):
            moved.append(shard.pk)
        shard.first_row = place
    ExportShard.objects.bulk_update(shards, ["first_row"], batch_size=500)
    made = ExportShard.objects.filter(
        pk__in=moved, status__in=(ShardState.RENDERING, ShardState.RENDERED)
    )
    made.move_to(ShardState.EXTRACTED, fence=F("fence") + 1, **UNHELD)


def _differs(shard: ExportShard, place: int, before: Layout, after: Layout) -> bool:
    if shard.first_row is None or before.as_text != after.as_text:
        return True
    if renumbered(before.strings, after.strings, shard.number):
        return True
    rows = shard.rows_extracted or 0
    return before.segments(shard.first_row, rows) != after.segments(place, rows)


def finish(job: ExportJob) -> None:
    """Record that the file is whole, and remove what it was made from once it is in its place."""
    rows = sum(file.rows for file in job.files.all())
    record(job, Happened.MERGED, f"{rows} rows", worker=worker_name(), rows=rows)
    if job.state == JobState.SUCCEEDED:
        clean(job)


def clean(job: ExportJob) -> bool:
    """Remove the spool files of a finished job, and what killed workers left behind.

    Where that fails a person is called, and it is tried again after KEEP_FAILED_SECONDS.
    """
    if is_held(job) or is_alarmed(job, "clean"):
        return False
    try:
        kept = job.files.filter(storage="").values_list("path", flat=True)
        removed = files.remove_except(job, set(kept))
    except OSError as error:
        alarm(job, "clean", f"The shards could not be removed: {error}", error=str(error))
        return False
    with transaction.atomic():
        cleaned = ExportJob.objects.filter(pk=job.pk, cleaned_at=None).update(cleaned_at=Now())
        if cleaned:
            record(job, Happened.CLEANED, f"{removed} spool files removed", files=removed)
    return bool(cleaned)
