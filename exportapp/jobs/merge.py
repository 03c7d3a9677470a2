"""Copy the finished bytes of all shards into the files that people get, and end the job."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, BinaryIO, Final

from django.db import transaction
from django.utils.translation import gettext_noop

from exportapp.exceptions import ExportError, FileDamaged
from exportapp.jobs.book import Book
from exportapp.jobs.ending import leave_to, succeed
from exportapp.jobs.filenames import safe_filename
from exportapp.jobs.files import kept_if_committed, local_path, opened, writing
from exportapp.jobs.formats import Sheet, format_of
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.leases import Lease, worker_name
from exportapp.jobs.manifest import make_manifest
from exportapp.jobs.objects.places import results_alias
from exportapp.jobs.options import Options
from exportapp.jobs.pages import unneeded
from exportapp.jobs.verify import Verified, verify
from exportapp.jobs.versions import require_version
from exportapp.jobs.written import Written
from exportapp.models import ExportFile, ExportJob, ExportShard
from exportapp.states import JobState, ShardState

AHEAD: Final = 4
"""Files of shards that are open and proved before it is their turn."""


class DamagedShard(FileDamaged):
    """A shard's bytes are not what was committed."""

    code = "shard_damaged"

    def __init__(self, shard: ExportShard, message: str) -> None:
        super().__init__(message)
        self.shard = shard


def merge(job: ExportJob, lease: Lease, beat: Heartbeat) -> None:
    """Write the workbooks and commit them with the end of the job, in one transaction.

    Raises DamagedShard for a shard that must be rendered again, and VerificationFailed where what
    was written does not read as what was put into it; then nothing is handed out.
    """
    if _is_merged(job):
        _leave_to_upload(job, lease)
        return
    book = Book.finished(job)
    sheets = _sheets(job, book)
    prove(sheets, book, job)
    shape = format_of(job)
    groups = shape.files(book, sheets)
    files = []
    names = _names(job, groups, book, shape.extension)
    for number, (name, group) in enumerate(zip(names, groups, strict=True), 1):
        with (
            writing(job, name, lease.fence, for_others=True) as written,
            contextlib.closing(_verified(shape.needed(group))) as sources,
        ):
            shape.merge(book, group, written, sources, beat)
        files.append(_file(job, number, name, written, book, group))
    with kept_if_committed(*(file.path for file in files)):
        verified = verify(job, files, _rows_of, beat) if _is_to_be_verified(job) else None
        _commit(job, lease, files, verified)


def _commit(
    job: ExportJob, lease: Lease, files: Sequence[ExportFile], verified: Verified | None
) -> None:
    manifest = make_manifest(job, files, verified)
    with transaction.atomic():
        if results_alias():
            _leave_to_upload(job, lease, manifest=manifest)
        else:
            succeed(job, lease, manifest=manifest)
        ExportFile.objects.filter(job=job).delete()
        ExportFile.objects.bulk_create(files)
        if verified:
            said = f"{verified.rows} rows read back equal"
            record(job, Happened.VERIFIED, said, worker=worker_name(), **verified.told())


def _leave_to_upload(job: ExportJob, lease: Lease, **changes: Any) -> None:
    said = gettext_noop("the file is whole, and its place is another storage")
    leave_to(job, lease, JobState.UPLOADING, said, **changes)


def _is_merged(job: ExportJob) -> bool:
    """Whether it was stopped on the way to another storage, and only that is left to do."""
    files = list(job.files.all())
    return bool(files) and all(file.storage or _is_here(file) for file in files)


def _is_here(file: ExportFile) -> bool:
    path = local_path(file.path)
    return path.is_file() and path.stat().st_size == file.size


def _is_to_be_verified(job: ExportJob) -> bool:
    return Options.from_json(job.options).verify


def _rows_of(shard: ExportShard) -> BinaryIO:
    try:
        return opened(shard.arrow_path, shard.arrow_digest)
    except FileDamaged as error:
        # Rendered again, it is found to be damaged there, and read again.
        raise DamagedShard(shard, str(error)) from error


def prove(sheets: Sequence[Sheet], book: Book, job: ExportJob) -> None:
    """Rows extracted, rendered, laid out and in the spans are equal, sheet by sheet.

    Raises ExportError naming the first sheet where they are not.
    """
    for sheet in sheets:
        in_spans = sum(rows for _, (*_, rows) in sheet.pieces)
        if in_spans != sheet.rows:
            raise ExportError(
                f"Sheet {sheet.number + 1} has place for {sheet.rows} rows; "
                f"its spans hold {in_spans}."
            )
        for shard, _ in sheet.pieces:
            if shard.sheet != book.layout.part(sheet.number):
                raise ExportError(f"Sheet {sheet.number + 1} has rows of {shard}, of another one.")
    layout = book.layout
    for part in range(len(book.pages)):
        counts = ExportShard.objects.filter(job=job, sheet=part).counts()
        places = sum(rows for n, rows in enumerate(layout.sheets) if layout.part(n) == part)
        if {counts["rows_extracted"], counts["rows_rendered"], places} != {places}:
            title = book.titles[layout.first_sheet(part)]
            raise ExportError(f"Row counts of '{title}' differ: {counts}, laid out {places}.")


def _sheets(job: ExportJob, book: Book) -> list[Sheet]:
    sheets = [Sheet(number, rows) for number, rows in enumerate(book.layout.sheets)]
    for shard in ExportShard.objects.filter(job=job).order_by("number"):
        if shard.state != ShardState.RENDERED:
            # Taken back while a worker that had seen it rendered moved the job on.
            raise DamagedShard(shard, f"{shard} is {shard.status}, not rendered.")
        for sheet, *span in require_version(shard.spans, f"The spans of {shard}")["spans"]:
            sheets[sheet].pieces.append((shard, span))
    return sheets


def _verified(shards: Sequence[ExportShard]) -> Generator[BinaryIO]:
    """The shards' files in order, each proved, and open until the next one is asked for."""
    last = {shard.pk: place for place, shard in enumerate(shards)}
    with contextlib.closing(_ahead(shards)) as files:
        for place, (shard, file) in enumerate(zip(shards, files, strict=True)):
            with file:
                try:
                    yield file
                finally:
                    # Nobody comes back for more after the last one.
                    if place == last[shard.pk]:
                        unneeded(file)


def _ahead(shards: Sequence[ExportShard]) -> Generator[BinaryIO]:
    """The files open, each proved while those before it are copied.

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
        return opened(shard.xlsx_path, shard.xlsx_digest)
    except FileDamaged as error:
        raise DamagedShard(shard, str(error)) from error


def _names(
    job: ExportJob, groups: Sequence[Sequence[Sheet]], book: Book, extension: str
) -> list[str]:
    """Of files among several: by their sheets where that says which is which, else by number."""
    stem = safe_filename(job.filename).removesuffix(extension)
    if len(groups) == 1:
        return [f"{stem}{extension}"]
    if len(groups) == len(book.pages) and all(len(group) == 1 for group in groups):
        titles = [book.titles[sheet.number].lower() for (sheet,) in groups]
        names = [safe_filename(f"{stem}-{title}{extension}") for title in titles]
        # What differs in signs that no name has would be one file.
        if len(set(names)) == len(names):
            return names
    return [f"{stem}-{number}{extension}" for number in range(1, len(groups) + 1)]


def _file(
    job: ExportJob, number: int, name: str, written: Written, book: Book, sheets: Sequence[Sheet]
) -> ExportFile:
    return ExportFile(
        job=job,
        number=number,
        path=written.path,
        filename=name,
        size=written.size,
        sha256=written.digest,
        crc32=written.crc32,
        rows=sum(sheet.rows for sheet in sheets),
        sheets=[[book.titles[sheet.number], sheet.rows] for sheet in sheets],
    )
