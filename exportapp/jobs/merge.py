"""Copy the compressed row spans of all shards into the workbook. Nothing is inflated.

A workbook is closed at a sheet's end before it passes WORKBOOK_BYTES; what follows goes into the
next one. Sheets were settled by the layout; which file they are in is known only now, from the
true compressed sizes, and no row depends on it.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO, Final

from django.db import transaction
from django.db.models.functions import Now

from exportapp.conf import conf
from exportapp.exceptions import ExportError, FileDamaged
from exportapp.jobs.book import Book
from exportapp.jobs.files import Written, kept_if_committed, opened, writing
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import Lease, worker_name
from exportapp.jobs.transitions import expiry
from exportapp.jobs.versions import require_version
from exportapp.models import ExportFile, ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.xlsx import PackageWriter, SheetPart, Span, StringsPart

AHEAD: Final = 4
"""Files of shards that are open and proved before it is their turn."""


@dataclass(slots=True)
class Sheet:
    """A sheet of the export and the spans that make it up, in order."""

    number: int
    rows: int
    pieces: list[tuple[ExportShard, Span]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(span.size for _, span in self.pieces)


class DamagedShard(FileDamaged):
    """A shard's bytes are not what was committed."""

    code = "shard_damaged"

    def __init__(self, shard: ExportShard, message: str) -> None:
        super().__init__(message)
        self.shard = shard


def merge(job: ExportJob, lease: Lease, beat: Heartbeat) -> None:
    """Write the workbooks and commit them with the end of the job, in one transaction.

    Raises DamagedShard for a shard that must be rendered again.
    """
    book = Book.of(job)
    sheets = _sheets(job, book)
    prove(sheets, book, job)
    settled = book.layout.strings.sheets if book.layout.strings else []
    groups = _settled(sheets, settled) if settled else _workbooks(sheets, conf.WORKBOOK_BYTES)
    files = []
    for number, group in enumerate(groups, 1):
        name = _numbered(job.filename, number, len(groups))
        with writing(job, name, lease.fence) as written:
            _write(book, group, written, beat)
        files.append(_file(job, number, name, written, book, group))
    with kept_if_committed(*(file.path for file in files)), transaction.atomic():
        lease.commit(
            JobState.SUCCEEDED,
            finished_at=Now(),
            expires_at=expiry(),
        )
        ExportFile.objects.filter(job=job).delete()
        ExportFile.objects.bulk_create(files)
        record(
            job,
            Happened.MOVED,
            "the file is in its place",
            worker=worker_name(),
            before=JobState.MERGING,
            after=JobState.SUCCEEDED,
        )


def prove(sheets: Sequence[Sheet], book: Book, job: ExportJob) -> None:
    """Rows extracted, rendered, laid out and in the spans are equal, sheet by sheet.

    Raises ExportError naming the first sheet where they are not.
    """
    for sheet in sheets:
        in_spans = sum(span.rows for _, span in sheet.pieces)
        if in_spans != sheet.rows:
            raise ExportError(
                f"Sheet {sheet.number + 1} has place for {sheet.rows} rows; "
                f"its spans hold {in_spans}."
            )
    counts = ExportShard.objects.filter(job=job).counts()
    totals = {counts["rows_extracted"], counts["rows_rendered"], sum(book.layout.sheets)}
    if len(totals) != 1:
        raise ExportError(f"Row counts differ: {counts}, laid out {sum(book.layout.sheets)}.")


def _sheets(job: ExportJob, book: Book) -> list[Sheet]:
    sheets = [Sheet(number, rows) for number, rows in enumerate(book.layout.sheets)]
    for shard in ExportShard.objects.filter(job=job).order_by("number"):
        if shard.state != ShardState.RENDERED:
            # Taken back while a worker that had seen it rendered moved the job on.
            raise DamagedShard(shard, f"{shard} is {shard.status}, not rendered.")
        for sheet, *span in require_version(shard.spans, f"The spans of {shard}")["spans"]:
            sheets[sheet].pieces.append((shard, Span.from_json(span)))
    return sheets


def _workbooks(sheets: Sequence[Sheet], limit: int) -> list[list[Sheet]]:
    groups: list[list[Sheet]] = []
    size = 0
    for sheet in sheets:
        if not groups or size + sheet.size > limit:
            groups.append([])
            size = 0
        groups[-1].append(sheet)
        size += sheet.size
    return groups


def _settled(sheets: Sequence[Sheet], counts: Sequence[int]) -> list[list[Sheet]]:
    rest = iter(sheets)
    return [list(islice(rest, count)) for count in counts]


def _texts(sheets: Sequence[Sheet]) -> list[tuple[ExportShard, Span]]:
    """The shared strings of the sheets' rows, in the order of their numbers."""
    shards = dict.fromkeys(shard for sheet in sheets for shard, _ in sheet.pieces)
    found = [(shard, (shard.spans or {}).get("strings")) for shard in shards]
    return [(shard, Span.from_json(span)) for shard, span in found if span]


def _write(book: Book, sheets: Sequence[Sheet], written: Written, beat: Heartbeat) -> None:
    texts = _texts(sheets)
    skeleton = book.skeleton(
        [(sheet.number, sheet.rows) for sheet in sheets], texts=sum(span.rows for _, span in texts)
    )
    open_parts: list[tuple[SheetPart | StringsPart, list[tuple[ExportShard, Span]]]]
    open_parts = list(zip(skeleton.sheets, (sheet.pieces for sheet in sheets), strict=True))
    if skeleton.strings:
        open_parts.append((skeleton.strings, texts))

    def copied(size: int) -> None:
        beat()

    with PackageWriter(written.file, level=conf.DEFLATE_LEVEL, progress=copied) as package:
        for part in skeleton.parts:
            package.add(part.name, part.data)
        pieces = [shard for _, spans in open_parts for shard, _ in spans]
        with contextlib.closing(_verified(pieces)) as sources:
            for page, spans in open_parts:
                with package.sheet(page.name) as member:
                    member.write(page.head)
                    for _, span in spans:
                        with next(sources) as source:
                            member.splice(source, span)
                        beat()
                    member.write(page.tail)


def _verified(shards: Sequence[ExportShard]) -> Generator[BinaryIO]:
    """The shards' files in order, each proved while those before it are copied.

    Nobody else has work on this export any more, so there is a core for it.
    """
    waiting: deque[Future[BinaryIO]] = deque()
    with ThreadPoolExecutor(max_workers=1) as pool:
        try:
            for shard in shards:
                waiting.append(pool.submit(_open, shard))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                with contextlib.suppress(DamagedShard, OSError, CancelledError):
                    left.cancel()
                    left.result().close()


def _open(shard: ExportShard) -> BinaryIO:
    try:
        return opened(shard.xlsx_path, shard.xlsx_sha256)
    except FileDamaged as error:
        raise DamagedShard(shard, str(error)) from error


def _numbered(filename: str, number: int, count: int) -> str:
    path = PurePath(filename)
    return filename if count == 1 else f"{path.stem}-{number}{path.suffix}"


def _file(
    job: ExportJob, number: int, name: str, written: Written, book: Book, sheets: Sequence[Sheet]
) -> ExportFile:
    return ExportFile(
        job=job,
        number=number,
        path=written.path,
        filename=name,
        size=written.size,
        sha256=written.sha256,
        rows=sum(sheet.rows for sheet in sheets),
        sheets=[[book.titles[sheet.number], sheet.rows] for sheet in sheets],
    )
