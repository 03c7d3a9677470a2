"""One file into S3: as a whole, or in parts that outlive their worker.

A file of more than one part is uploaded in parts, each with its MD5 and each sent again by itself
(botocore's retries). Upload id and parts are in the database; whoever goes on holds them against
the server's own list, and sends what is missing. Source: Amazon S3 User Guide, "Uploading and
copying objects using multipart upload".
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from s3transfer.utils import ReadFileChunk

from exportapp.conf import conf
from exportapp.exceptions import StorageUnavailable
from exportapp.jobs.content import BLOCK
from exportapp.jobs.objects.s3errors import NotThere, in_our_words
from exportapp.jobs.objects.sending import Sending, require_wanted
from exportapp.models import ExportFile, ExportUpload

if TYPE_CHECKING:
    from exportapp.jobs.objects.s3 import S3

MOST_PARTS: Final = 10_000
"""Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""

DIGEST: Final = "sha256"
"""The name of the file's digest in the metadata of its object."""


class Put:
    def __init__(self, s3: S3, sending: Sending) -> None:
        self.s3, self.sending, self.file = s3, sending, sending.file
        # Of this thread, for all that send: the storage would make one for each.
        self.client = s3.client

    def do(self) -> str:
        """The name of the object, once it is there and as long as the file."""
        upload = getattr(self.file, "upload", None)
        if upload is not None and self._is_done(upload):
            return str(upload.name)
        part_size = max(conf.UPLOAD_PART_BYTES, -(-self.file.size // MOST_PARTS))
        if self.file.size <= part_size:
            name = self._put_whole(upload)
        else:
            name = self._put_parts(upload, part_size)
        size = self.s3.size(name)
        if size != self.file.size:
            self.s3.remove(name)
            raise StorageUnavailable(f"{name} has {size} of {self.file.size} bytes there.")
        return name

    def _put_whole(self, before: ExportUpload | None) -> str:
        self._forget(before)
        upload = self.sending.begun(self.sending.name)
        told = self._described()

        def send(_: int, stop: threading.Event) -> None:
            md5, body = self._slice(0, self.file.size, stop)
            with body, in_our_words(f"{upload.name} cannot be stored"):
                self.client.put_object(
                    Body=body, ContentMD5=_base64(md5), **told, **self.s3.at(upload.name)
                )

        for _ in self.sending.each(send, [1]):
            pass
        return str(upload.name)

    def _put_parts(self, upload: ExportUpload | None, part_size: int) -> str:
        there = self._resumed(upload) if upload else None
        if upload is None or there is None:
            self._forget(upload)
            upload, there = self._begin(part_size), {}
        count = -(-self.file.size // upload.part_size)
        missing = [number for number in range(1, count + 1) if number not in there]
        asked = {"UploadId": upload.upload_id, **self.s3.at(upload.name)}

        def send(number: int, stop: threading.Event) -> tuple[int, str]:
            md5, body = self._slice(*_range_of(upload, self.file, number), stop)
            with body, in_our_words(f"part {number} of {upload.name} cannot be stored"):
                answer = self.client.upload_part(
                    PartNumber=number, Body=body, ContentMD5=_base64(md5), **asked
                )
            return number, str(answer["ETag"])

        # Closed at once where the lease is lost: the others that are under way stop then.
        with contextlib.closing(self.sending.each(send, missing)) as arrived:
            for number, etag in arrived:
                self.sending.arrived(upload, [(number, etag)])
                there[number] = etag
        self.sending.beat()
        parts = [{"PartNumber": n, "ETag": there[n]} for n in range(1, count + 1)]
        with in_our_words(f"the parts of {upload.name} cannot be put together"):
            self.client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **asked)
        return str(upload.name)

    def _begin(self, part_size: int) -> ExportUpload:
        name = self.sending.name
        with in_our_words(f"the upload of {name} cannot be begun"):
            begun = self.client.create_multipart_upload(**self._described(), **self.s3.at(name))
        try:
            return self.sending.begun(name, upload_id=begun["UploadId"], part_size=part_size)
        except BaseException:
            self.s3.remove(name, begun["UploadId"])
            raise

    def _resumed(self, upload: ExportUpload) -> dict[int, str] | None:
        """The parts that are there and right; None where the upload is not there any more."""
        if not upload.upload_id or upload.storage != self.sending.alias:
            return None
        asked = {"UploadId": upload.upload_id, **self.s3.at(upload.name)}
        try:
            with in_our_words(f"the parts of {upload.name} cannot be listed"):
                pages = self.client.get_paginator("list_parts").paginate(**asked)
                listed = [part for page in pages for part in page.get("Parts", ())]
        except NotThere:
            return None
        known = dict(upload.parts.values_list("number", "etag"))
        there = {}
        for part in listed:
            number, etag = part["PartNumber"], part["ETag"]
            first, end = _range_of(upload, self.file, number)
            # One that arrived while its worker died is in no book, but its MD5 is its ETag.
            is_right = known.get(number) == etag or etag.strip('"') == _md5(
                self.sending.path, first, end
            )
            if part["Size"] == end - first and is_right:
                there[number] = etag
        self.sending.arrived(upload, there.items())
        return there

    def _is_done(self, upload: ExportUpload) -> bool:
        """Whether it was put together and only the word of that was lost."""
        head = self.s3.head(upload.name) if upload.storage == self.sending.alias else None
        if head is None or head["ContentLength"] != self.file.size:
            return False
        return bool(head.get("Metadata", {}).get(DIGEST) == self.file.sha256)

    def _forget(self, before: ExportUpload | None) -> None:
        """Give up what was begun for this file, and uploads of the job that are in no book."""
        if before is not None and before.storage == self.sending.alias:
            self.s3.remove(before.name, before.upload_id)
        job_id = self.file.job_id
        known = set(
            ExportUpload.objects.filter(file__job=job_id).values_list("upload_id", flat=True)
        )
        for found in list(self.s3.uploads(job_id)):
            if found.upload_id not in known:
                self.s3.remove(found.name, found.upload_id)

    def _slice(self, first: int, end: int, stop: threading.Event) -> tuple[bytes, Any]:
        """The MD5 of these bytes, and the bytes as something to read."""
        md5 = bytes.fromhex(_md5(self.sending.path, first, end))
        wanted = [lambda **_: require_wanted(stop)]
        body = ReadFileChunk.from_filename(str(self.sending.path), first, end - first, wanted)
        return md5, body

    def _described(self) -> dict[str, Any]:
        """What the project says of its objects, and what ours are."""
        told: dict[str, Any] = self.s3.storage.get_object_parameters(self.sending.name)
        metadata = {**told.pop("Metadata", {}), DIGEST: self.file.sha256}
        acl = {"ACL": self.s3.storage.default_acl} if self.s3.storage.default_acl else {}
        return {**acl, "ContentType": self.sending.content_type, **told, "Metadata": metadata}


def _range_of(upload: ExportUpload, file: ExportFile, number: int) -> tuple[int, int]:
    first = (number - 1) * upload.part_size
    return first, min(first + upload.part_size, file.size)


def _md5(path: Path, first: int, end: int) -> str:
    # A checksum of the way there, as the protocol has it; SHA-256 says whose file it is.
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        file.seek(first)
        while first < end and (block := file.read(min(BLOCK, end - first))):
            digest.update(block)
            first += len(block)
    return digest.hexdigest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
