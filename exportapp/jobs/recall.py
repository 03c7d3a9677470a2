"""What a job asked for, rebuilt from code, as the person who asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import SnapshotLost, SourceChanged
from exportapp.jobs.journal import Line
from exportapp.jobs.rights import require_columns, require_export, viewer_of
from exportapp.models import ExportJob
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.keyset import Keyset
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import SheetSpec, sheets_fingerprint
from exportapp.tables.snapshots import ViewerAt, joined, take_over
from exportapp.tables.sources import find_source

log = logging.getLogger("exportapp")


@dataclass(frozen=True, slots=True)
class Recalled:
    """One sheet of the job."""

    viewer: Viewer
    name: str
    """Empty where the export has one sheet."""
    columns: tuple[ColumnSpec, ...]
    keyset: Keyset
    begin: Callable[[Any], None] | None = None
    """Puts a connection of its own at the same moment; None where any moment will do."""

    @property
    def alias(self) -> str:
        """The database that the rows are in."""
        return self.keyset.queryset.db


@contextmanager
def recalling(job: ExportJob) -> Iterator[list[Recalled]]:
    """As `recall`, at the moment that the job's holder holds if all rows are to be of one.

    Raises SnapshotLost when nobody holds it.
    """
    found = recall(job)
    if not job.is_of_one_moment:
        yield found
        return
    # After the claim: a shard that is there now was planned in the snapshot that is held now. If
    # another one is taken later, the shard is dropped and its commit refused.
    job.refresh_from_db(fields=["snapshot_id"])
    name = job.snapshot_id
    if not name:
        raise SnapshotLost(_("Nobody holds the snapshot any more."))
    with joined(found[0].alias, name, conf.SNAPSHOT_SECONDS) as connection:
        at = recall(job, ViewerAt.of(found[0].viewer, connection))
        yield [replace(sheet, begin=partial(take_over, name)) for sheet in at]


def recall(job: ExportJob, viewer: Viewer | None = None) -> list[Recalled]:
    """Rebuild the sheets of `job`, as they are for `viewer` or whoever asked for it.

    All of them are in one database where all rows are to be of one moment. Raises NotAllowed when
    the right is gone, and SourceChanged when the code now gives other columns than those that
    finished shards were made with.
    """
    viewer = viewer or viewer_of(job)
    selection = Selection.from_json(job.selection)
    source = find_source(selection.source, selection.site)
    require_export(viewer.user, source)
    require_columns(viewer.user, job, source)
    sheets = source.sheets(selection, viewer)
    if sheets_fingerprint(sheets) != job.spec_fingerprint:
        raise SourceChanged(_difference(job, sheets))
    return [Recalled(viewer, sheet.name, sheet.columns, Keyset.of(sheet.rows)) for sheet in sheets]


def require_same_columns(job: ExportJob) -> None:
    """Raises SourceChanged as `recall` does; what else is wrong is for a worker to find."""
    try:
        recall(job)
    except SourceChanged:
        raise
    except Exception as error:
        # The code of the developer's runs here: it may raise anything, and then a worker says so.
        log.info(Line(event="unseen", job=str(job.pk), message=str(error)))


def require_right(job: ExportJob) -> None:
    """Raises NotAllowed when the person who asked may not have these rows any more."""
    user = viewer_of(job).user
    source = find_source(job.selection["source"], job.selection["site"])
    require_export(user, source)
    require_columns(user, job, source)


def _difference(job: ExportJob, sheets: Sequence[SheetSpec]) -> str:
    before = [column["key"] for column in job.columns]
    now = [column.key for sheet in sheets for column in sheet.columns]
    gone = [key for key in before if key not in now]
    new = [key for key in now if key not in before]
    parts = [_("gone: {names}").format(names=", ".join(gone))] * bool(gone) + [
        _("new: {names}").format(names=", ".join(new))
    ] * bool(new)
    detail = "; ".join(parts) or _("their kinds, titles, formats or order differ")
    return _(
        "The columns changed since this export was asked for ({detail}). Start it over."
    ).format(detail=detail)
