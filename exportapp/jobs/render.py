"""Make an extracted shard into finished bytes: a valid file whose spans the merge copies.

A pure function of the Arrow file, the columns and the layout: repeated anywhere, any number of
times, it gives the same bytes.
"""

from __future__ import annotations

from exportapp.jobs.book import Book
from exportapp.jobs.files import kept_if_committed, opened, writing
from exportapp.jobs.formats import format_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import HEADER_ROWS, Segment
from exportapp.jobs.leases import Lease
from exportapp.jobs.pages import unneeded
from exportapp.jobs.spool import SpoolReader
from exportapp.jobs.versions import VERSION
from exportapp.models import ExportJob, ExportShard
from exportapp.states import ShardState


def render(job: ExportJob, lease: Lease, beat: Heartbeat) -> ShardState:
    """Render the shard's rows at their final places and commit the spans."""
    shard = lease.piece
    assert isinstance(shard, ExportShard) and shard.first_row is not None
    book, shape = Book.of(job), format_of(job)
    segments = book.layout.segments(shard.first_row, shard.rows_extracted or 0)
    # All rows of a range may be deleted between its plan and now; the file is valid all the same.
    segments = segments or [_nothing(book.layout.first_sheet(shard.sheet))]
    with (
        opened(shard.arrow_path, shard.arrow_digest) as source,
        writing(job, f"shard-{shard.number:05}{shape.extension}", lease.fence) as written,
    ):

        def progress(rows: int) -> None:
            written.send()
            beat(rows)

        spooled = SpoolReader(source, segments)
        rendered = shape.render(book, segments, spooled, written.file, shard.number, progress)
        if not shape.options.verify:
            unneeded(source)
    keys = spooled.end_keys()
    pieces = zip(segments, rendered.pieces, strict=True)
    with kept_if_committed(written.path):
        lease.commit(
            ShardState.RENDERED,
            rows_rendered=sum(rows for *_, rows in rendered.pieces),
            xlsx_path=written.path,
            xlsx_size=written.size,
            xlsx_digest=written.digest,
            spans={
                "v": VERSION,
                "spans": [[segment.sheet, *piece] for segment, piece in pieces],
                **({"keys": keys} if keys is not None else {}),
                **rendered.also,
            },
        )
    return ShardState.RENDERED


def _nothing(sheet: int) -> Segment:
    return Segment(sheet=sheet, first_row=1 + HEADER_ROWS, offset=0, rows=0)
