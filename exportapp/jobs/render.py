"""Make an extracted shard into finished bytes: a valid workbook whose row spans the merge copies.

A pure function of the Arrow file, the columns and the layout: repeated anywhere, any number of
times, it gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
from typing_extensions import Buffer

from exportapp.conf import conf
from exportapp.exceptions import FileDamaged
from exportapp.jobs.book import Book
from exportapp.jobs.files import kept_if_committed, opened, writing
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.layout import HEADER_ROWS, Segment
from exportapp.jobs.leases import Lease
from exportapp.jobs.sharing import write_strings
from exportapp.models import ExportJob, ExportShard
from exportapp.states import ShardState
from exportapp.xlsx import PackageWriter, Span, StringPool, render_rows


def render(job: ExportJob, lease: Lease, beat: Heartbeat) -> ShardState:
    """Render the shard's rows at their final places and commit the spans."""
    shard = lease.piece
    assert isinstance(shard, ExportShard) and shard.first_row is not None
    book = Book.of(job)
    segments = book.layout.segments(shard.first_row, shard.rows_extracted or 0)
    # All rows of a range may be deleted between its plan and now; the file is valid all the same.
    segments = segments or [Segment(sheet=0, first_row=1 + HEADER_ROWS, offset=0, rows=0)]
    with (
        opened(shard.arrow_path, shard.arrow_sha256) as source,
        writing(job, f"shard-{shard.number:05}.xlsx", lease.fence) as written,
    ):
        spans, strings = _write_workbook(book, segments, source, written.file, shard.number, beat)
    placed = zip(segments, spans, strict=True)
    with kept_if_committed(written.path):
        lease.commit(
            ShardState.RENDERED,
            rows_rendered=sum(span.rows for span in spans),
            xlsx_path=written.path,
            xlsx_size=written.size,
            xlsx_sha256=written.sha256,
            spans={"v": 1, "spans": [[part.sheet, *span.to_json()] for part, span in placed]}
            | ({"strings": strings.to_json()} if strings else {}),
        )
    return ShardState.RENDERED


def _write_workbook(
    book: Book,
    segments: Sequence[Segment],
    source: BinaryIO,
    out: BinaryIO,
    shard: int,
    beat: Heartbeat,
) -> tuple[list[Span], Span | None]:
    strings, texts = book.layout.strings, None
    pool = strings.pool(shard, conf.DEFLATE_LEVEL) if strings else None
    # The whole sheet's, whose filter goes down to rows of other shards.
    skeleton = book.skeleton(
        [(part.sheet, book.layout.sheets[part.sheet]) for part in segments],
        texts=strings.until(shard) if strings else 0,
    )
    spans = []
    with PackageWriter(out, level=conf.DEFLATE_LEVEL) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        for segment, page in zip(segments, skeleton.sheets, strict=True):
            with package.sheet(page.name) as sheet:
                sheet.write(page.head)
                spans.append(sheet.rows(_xml(book, segment, source, pool, beat), segment.rows))
                sheet.write(page.tail)
        if strings:
            texts = write_strings(package, skeleton, strings, shard, pool)
    return spans, texts


def _xml(
    book: Book, segment: Segment, source: BinaryIO, pool: StringPool | None, beat: Heartbeat
) -> Iterator[Buffer]:
    """The XML of the segment's rows, batch by batch.

    Raises FileDamaged when the Arrow file holds fewer rows than it was committed with.
    """
    row = segment.first_row
    for batch in _batches(source, segment):
        yield render_rows(batch, book.cells, row, references=book.references, pool=pool)
        row += batch.num_rows
        beat(segment.offset + row - segment.first_row)
    if row != segment.last_row + 1:
        raise FileDamaged(f"{row - segment.first_row} of {segment.rows} rows are in the file.")


def _batches(source: BinaryIO, segment: Segment) -> Iterator[pa.RecordBatch]:
    """The batches of the Arrow file, cut to the rows of `segment`."""
    source.seek(0)
    low, high = segment.offset, segment.offset + segment.rows
    start = 0
    try:
        for batch in pa.ipc.open_stream(source):
            begin, end = max(low - start, 0), min(high - start, batch.num_rows)
            if begin < end:
                yield batch.slice(begin, end - begin)
            start += batch.num_rows
            if start >= high:
                return
    except pa.ArrowInvalid as error:
        raise FileDamaged(f"An Arrow file cannot be read: {error}") from error
