"""What a storage that finished files are carried to can do, whatever its kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exportapp.jobs.objects.sending import Sending


@dataclass(frozen=True, slots=True)
class Found:
    """Something of a job in a storage: an object, or an upload in parts that nobody ended."""

    name: str
    changed: datetime
    upload_id: str = ""


class Objects(Protocol):
    """One storage. Names are `<job>/<name>`.

    Each method raises StorageUnavailable where another try may succeed, StorageRefused where
    none will, and whatever else the storage itself raises.
    """

    def put(self, sending: Sending) -> str:
        """Store the whole file, and return its name. It goes on with what is there already."""

    def size(self, name: str) -> int | None:
        """In bytes; None where there is no such object."""

    def read(self, name: str, first: int, end: int) -> Iterator[bytes]:
        """The bytes from `first` up to `end`, in blocks; fewer where it is shorter."""

    def url(self, name: str, filename: str, content_type: str, seconds: int) -> str | None:
        """An address that gives the object for so long; None where the storage signs none."""

    def remove(self, name: str, upload_id: str = "") -> None:
        """An object, or an upload that is not ended; it may be gone already."""

    def contents(self, job_id: uuid.UUID) -> Iterator[Found]:
        """Everything of a job that is there."""

    def jobs(self) -> Iterator[uuid.UUID]:
        """The jobs of which something is there."""
