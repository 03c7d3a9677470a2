"""What a job asked for, rebuilt from code, as the person who asked."""

from __future__ import annotations

from dataclasses import dataclass

from exportapp.exceptions import SourceChanged
from exportapp.jobs.rights import require_export, viewer_of
from exportapp.models import ExportJob
from exportapp.tables.columns import ColumnSpec, fingerprint
from exportapp.tables.keyset import Keyset
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import find_source


@dataclass(frozen=True, slots=True)
class Recalled:
    viewer: Viewer
    columns: tuple[ColumnSpec, ...]
    keyset: Keyset


def recall(job: ExportJob) -> Recalled:
    """Rebuild the rows and columns of `job`.

    Raises NotAllowed when the right is gone, and SourceChanged when the code now gives other
    columns than those that finished shards were made with.
    """
    viewer = viewer_of(job)
    selection = Selection.from_json(job.selection)
    source = find_source(selection.source, selection.site)
    require_export(viewer.user, source)
    columns = source.columns(selection.columns, viewer)
    if fingerprint(columns) != job.spec_fingerprint:
        raise SourceChanged(_difference(job, columns))
    return Recalled(viewer, columns, Keyset.of(source.queryset(selection, viewer)))


def require_right(job: ExportJob) -> None:
    """Raises NotAllowed when the person who asked may not have these rows any more."""
    require_export(viewer_of(job).user, find_source(job.selection["source"], job.selection["site"]))


def _difference(job: ExportJob, columns: tuple[ColumnSpec, ...]) -> str:
    before = [ColumnSpec.from_json(column).key for column in job.columns]
    now = [column.key for column in columns]
    gone = [key for key in before if key not in now]
    new = [key for key in now if key not in before]
    parts = [f"gone: {', '.join(gone)}"] * bool(gone) + [f"new: {', '.join(new)}"] * bool(new)
    detail = "; ".join(parts) or "their kinds, titles, formats or order differ"
    return f"The columns changed since this export was asked for ({detail}). Start it over."
