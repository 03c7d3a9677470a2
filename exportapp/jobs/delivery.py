"""Finished files on their way to a person: who may have what. `transfer` makes responses of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from exportapp.exceptions import (
    FileDamaged,
    FileExpired,
    FileUnknown,
    NotAllowed,
    NotReady,
)
from exportapp.jobs.announce import send_signal
from exportapp.jobs.archive import Member, archive
from exportapp.jobs.content import Content, FilePiece, ObjectPiece
from exportapp.jobs.filenames import safe_filename
from exportapp.jobs.files import crc32_of
from exportapp.jobs.formats import format_of
from exportapp.jobs.journal import Happened, record
from exportapp.jobs.rights import may_download, may_see, require_columns, require_export
from exportapp.jobs.whereabouts import damaged, place_of
from exportapp.models import ExportFile, ExportJob
from exportapp.signals import export_downloaded
from exportapp.states import JobState
from exportapp.tables.sources import find_source
from exportapp.xlsx.deflate import crc32

ZIP: Final = "application/zip"
JSON: Final = "application/json"

ALL: Final = "all"
"""In the event of a download: every file, as one zip."""

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    filename: str
    """What the person's copy is called."""
    content: Content
    digest: str
    """The validator of an ETag: SHA-256, in hex, of the file; of a zip, that of what is in it."""
    content_type: str
    taken: int | str | None = None
    """What its event says was taken: the file's number, or ALL; None where nothing is noted."""
    path: Path | None = None
    """Where the content is one file on disk."""
    elsewhere: ObjectPiece | None = None
    """Where it is one object in another storage."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.content.size

    def open(self) -> BinaryIO:
        """The one file that it is. Raises FileDamaged when it is gone."""
        assert self.path is not None
        try:
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise damaged(self.filename) from error


def deliver(job: ExportJob, user: Any, number: int | None = None) -> Delivery:
    """File `number` of `job` for `user`; without a number the file, or all of several as one zip.

    Raises NotAllowed when the right to the rows is gone, NotReady while the files are not
    there, and FileDamaged when one is missing, has another size than was committed, or was found
    to be wrong (FileExpired after its time, FileUnknown for a number there is none of), and
    StorageUnavailable where the storage that has them does not answer. Digests are not computed
    again here: it takes seconds for a large file, and whoever gets it can.
    """
    require_download(user, job)
    files = finished_files(job)
    if number is None and len(files) > 1:
        return _all_of(job, files)
    return _one_of(job, _numbered(files, number or 1))


def deliver_manifest(job: ExportJob, user: Any) -> Delivery:
    """The manifest of `job` for `user`; it outlives the files. No event is made of it.

    Raises NotAllowed, NotReady while there is none yet, and FileUnknown for an export
    that was made when there were no manifests.
    """
    require_download(user, job)
    data = manifest_of(job)
    return Delivery(
        filename=safe_filename(f"{PurePath(job.filename).stem}-{MANIFEST}"),
        content=Content((data,)),
        digest=hashlib.sha256(data).hexdigest(),
        content_type=JSON,
    )


def manifest_of(job: ExportJob) -> bytes:
    """The manifest as it was written when the export succeeded. Raises as `deliver_manifest`."""
    if not job.manifest and job.state not in (JobState.SUCCEEDED, JobState.EXPIRED):
        told = _("The export is “{state}”; its manifest is not there.")
        raise NotReady(told.format(state=job.state.label), job)
    if not job.manifest:
        raise FileUnknown(_("The export was made before there were manifests."))
    return str(job.manifest).encode()


def finished_files(job: ExportJob) -> list[ExportFile]:
    """The files of `job`. Raises NotReady before they are there, FileExpired after."""
    if job.state == JobState.EXPIRED:
        raise FileExpired
    if not job.can_download:
        told = _("The export is “{state}”; its file is not there.")
        raise NotReady(told.format(state=job.state.label), job)
    return list(job.files.all())


def require_sound(job: ExportJob) -> None:
    """Raises what `deliver` raises for files that are not ready, not there or not as they were."""
    _sound(job, finished_files(job))


def note(job: ExportJob, user: Any, taken: int | str, filename: str, *, resumed: bool) -> None:
    """Record that `user` took it, once for each download.

    A request for a later part of it goes on with a download that is noted; from somebody of whom
    none is noted it is one, so that nobody takes all but the first byte unseen.
    """
    if resumed and user.pk:
        before = job.events.filter(kind=Happened.DOWNLOADED, user=user, data__file=taken)
        if before.exists():
            return
    record(job, Happened.DOWNLOADED, filename, user=user, file=taken)
    send_signal(export_downloaded, job, user=user, file=taken, filename=filename)


def require_download(user: Any, job: ExportJob) -> None:
    """Ask the right to the rows of `job` again. Raises NotAllowed."""
    source = find_source(job.selection["source"], job.selection["site"])
    if not may_download(user, job, source):
        require_export(user, source)
        if may_see(user, job):
            require_columns(user, job, source)
        raise NotAllowed(_("This export was made for somebody else."))


def _sound(job: ExportJob, files: Sequence[ExportFile]) -> list[FilePiece | ObjectPiece]:
    """Where the files are. Raises FileDamaged when one is not as it was, as far as is known."""
    looked = job.events.filter(kind__in=(Happened.VERIFIED, Happened.DAMAGED)).order_by("pk")
    # Of each file what was found last; events of shards name none.
    found = {event.data.get("file"): event for event in looked}
    places = []
    for file in files:
        place, last = place_of(file), found.get(file.number)
        if last and last.kind == Happened.DAMAGED:
            raise FileDamaged(_("{what} Make the export again.").format(what=last.message))
        places.append(place)
    return places


def _one_of(job: ExportJob, file: ExportFile) -> Delivery:
    (place,) = _sound(job, [file])
    return Delivery(
        filename=safe_filename(file.filename),
        content=Content((place,)),
        digest=file.sha256,
        content_type=format_of(job).content_type,
        taken=file.number,
        path=place.path if isinstance(place, FilePiece) else None,
        elsewhere=place if isinstance(place, ObjectPiece) else None,
    )


def _all_of(job: ExportJob, files: Sequence[ExportFile]) -> Delivery:
    members = [
        Member(
            name=safe_filename(file.filename),
            crc32=crc32_of(file.path) if file.crc32 is None else file.crc32,
            content=place,
        )
        for file, place in zip(files, _sound(job, files), strict=True)
    ]
    if job.manifest:
        data = manifest_of(job)
        members.append(Member(name=MANIFEST, crc32=crc32(data), content=data))
    assert job.finished_at is not None
    content = archive(members, job.finished_at.astimezone(ZoneInfo(job.time_zone)))
    return Delivery(
        filename=safe_filename(f"{PurePath(job.filename).stem}.zip"),
        content=content,
        digest=_digest(content, files),
        content_type=ZIP,
        taken=ALL,
    )


def _digest(content: Content, files: Sequence[ExportFile]) -> str:
    """Of everything that the bytes are made of, without reading the files."""
    digest = hashlib.sha256()
    for piece in content.pieces:
        if isinstance(piece, bytes):
            digest.update(piece)
    for file in files:
        digest.update(bytes.fromhex(file.sha256))
    return digest.hexdigest()


def _numbered(files: Sequence[ExportFile], number: int) -> ExportFile:
    for file in files:
        if file.number == number:
            return file
    raise FileUnknown(_("The export has no file {number}.").format(number=number))
