"""S3, and what speaks like it, through the client of django-storages' S3Storage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

from django.utils.http import content_disposition_header
from storages.utils import safe_join

from exportapp.exceptions import FileDamaged
from exportapp.jobs.content import BLOCK
from exportapp.jobs.objects.interface import Found
from exportapp.jobs.objects.s3errors import NotThere, in_our_words
from exportapp.jobs.objects.s3put import Put
from exportapp.jobs.objects.sending import Sending

TRIES: Final = 3
"""How often an upload is given up: a part that is under way may still arrive after the first."""


class S3:
    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.bucket: str = storage.bucket_name

    @property
    def client(self) -> Any:
        """Safe for several threads, other than the storage, which makes one for each."""
        return self.storage.connection.meta.client

    def put(self, sending: Sending) -> str:
        return Put(self, sending).do()

    def size(self, name: str) -> int | None:
        head = self.head(name)
        return int(head["ContentLength"]) if head else None

    def read(self, name: str, first: int, end: int) -> Iterator[bytes]:
        asked = {"Range": f"bytes={first}-{end - 1}", **self.at(name)}
        try:
            with in_our_words(f"{name} cannot be read"):
                body = self.client.get_object(**asked)["Body"]
                with body:
                    yield from body.iter_chunks(BLOCK)
        except NotThere as error:
            raise FileDamaged(f"{name} is gone.") from error

    def url(self, name: str, filename: str, content_type: str, seconds: int) -> str | None:
        storage = self.storage
        signed = storage.cloudfront_signer if storage.custom_domain else True
        if not (storage.querystring_auth and signed):
            return None
        named = content_disposition_header(True, filename) or "attachment"
        told = {
            "ResponseContentDisposition": named,
            "ResponseContentType": content_type,
            "ResponseCacheControl": "private, no-store",
        }
        with in_our_words(f"{name} has no URL"):
            return str(storage.url(name, parameters=told, expire=seconds))

    def remove(self, name: str, upload_id: str = "") -> None:
        if not upload_id:
            with in_our_words(f"{name} cannot be removed"):
                self.client.delete_object(**self.at(name))
            return
        asked = {"UploadId": upload_id, **self.at(name)}
        try:
            for _ in range(TRIES):
                with in_our_words(f"the upload of {name} cannot be given up"):
                    self.client.abort_multipart_upload(**asked)
                    if not self.client.list_parts(**asked).get("Parts"):
                        return
        except NotThere:
            return

    def contents(self, job_id: uuid.UUID) -> Iterator[Found]:
        below = self._below(job_id)
        with in_our_words("the bucket cannot be listed"):
            for page in self.client.get_paginator("list_objects_v2").paginate(**below):
                for there in page.get("Contents", ()):
                    yield Found(self._name(there["Key"]), there["LastModified"])
        yield from self.uploads(job_id)

    def jobs(self) -> Iterator[uuid.UUID]:
        known = {found.name for found in self.uploads()}
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Delimiter="/", **self._below()
        )
        with in_our_words("the bucket cannot be listed"):
            for page in pages:
                known.update(self._name(p["Prefix"]) for p in page.get("CommonPrefixes", ()))
        for name in {name.partition("/")[0] for name in known}:
            try:
                yield uuid.UUID(name)
            except ValueError:
                # Somebody else's.
                continue

    def uploads(self, job_id: uuid.UUID | None = None) -> Iterator[Found]:
        """Those of a job, or all, that are not ended."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(**self._below(job_id))
        with in_our_words("the uploads in the bucket cannot be listed"):
            for page in pages:
                for begun in page.get("Uploads", ()):
                    yield Found(self._name(begun["Key"]), begun["Initiated"], begun["UploadId"])

    def head(self, name: str) -> dict[str, Any] | None:
        try:
            with in_our_words(f"{name} cannot be looked at"):
                found: dict[str, Any] = self.client.head_object(**self.at(name))
                return found
        except NotThere:
            return None

    def at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self._key(name)}

    def _below(self, job_id: uuid.UUID | None = None) -> dict[str, str]:
        root = self._key(str(job_id) if job_id else "")
        return {"Bucket": self.bucket, "Prefix": f"{root}/" if root else ""}

    def _key(self, name: str) -> str:
        return str(safe_join(self.storage.location, name)).rstrip("/")

    def _name(self, key: str) -> str:
        """The other way round."""
        root = self._key("")
        return key.removeprefix(f"{root}/") if root else key
