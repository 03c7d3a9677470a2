"""Any storage of Django's: files go and come as a whole, through its own interface."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage
from django.utils import timezone

from exportapp.exceptions import FileDamaged, StorageUnavailable
from exportapp.jobs.content import BLOCK
from exportapp.jobs.objects.interface import Found
from exportapp.jobs.objects.sending import Sending, Stoppable


@dataclass(frozen=True, slots=True)
class Plain:
    storage: Storage

    def put(self, sending: Sending) -> str:
        before = getattr(sending.file, "upload", None)
        upload = sending.begun(sending.name)
        if before is not None and before.storage == sending.alias:
            self.remove(before.name)
        (name,) = sending.each(lambda _, stop: self._save(sending, upload.name, stop), [1])
        size = self.size(name)
        if size != sending.file.size:
            self.remove(name)
            raise StorageUnavailable(f"{name} has {size} of {sending.file.size} bytes there.")
        return name

    def size(self, name: str) -> int | None:
        try:
            return self.storage.size(name) if self.storage.exists(name) else None
        except FileNotFoundError:
            return None

    def read(self, name: str, first: int, end: int) -> Iterator[bytes]:
        try:
            with self.storage.open(name, "rb") as file:
                file.seek(first)
                while first < end and (block := file.read(min(BLOCK, end - first))):
                    first += len(block)
                    yield block
        except FileNotFoundError as error:
            raise FileDamaged(f"{name} is gone.") from error

    def url(self, name: str, filename: str, content_type: str, seconds: int) -> None:
        # What `Storage.url` gives may be good for ever, and for everybody.
        return None

    def remove(self, name: str, upload_id: str = "") -> None:
        self.storage.delete(name)
        if isinstance(self.storage, FileSystemStorage):
            with contextlib.suppress(OSError):
                # A folder with more in it stays.
                self.storage.delete(name.partition("/")[0])

    def contents(self, job_id: uuid.UUID) -> Iterator[Found]:
        with contextlib.suppress(FileNotFoundError):
            for name in self.storage.listdir(str(job_id))[1]:
                path = f"{job_id}/{name}"
                yield Found(path, _aware(self.storage.get_modified_time(path)))

    def jobs(self) -> Iterator[uuid.UUID]:
        with contextlib.suppress(FileNotFoundError):
            for name in self.storage.listdir("")[0]:
                with contextlib.suppress(ValueError):
                    yield uuid.UUID(name)

    def _save(self, sending: Sending, name: str, stop: threading.Event) -> str:
        with sending.path.open("rb") as file:
            content: Any = Stoppable(file, name, stop)
            return str(self.storage.save(name, content))


def _aware(moment: datetime) -> datetime:
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)
