"""One file on its way to another storage: its bytes, a sign of life, and the word to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from django.core.files import File
from django.db import connections, transaction

from exportapp.exceptions import WorkInterrupted
from exportapp.jobs.files import local_path
from exportapp.jobs.heartbeat import Heartbeat
from exportapp.jobs.leases import PROGRESS, Lease
from exportapp.models import ExportFile, ExportPart, ExportUpload

LOOK_SECONDS: Final = 0.5
"""How soon the word to stop is heard while nothing arrives."""

STREAMS: Final = 4
"""Parts of one file that are on their way at a time."""

Done = TypeVar("Done")

Send: TypeAlias = Callable[[int, threading.Event], Done]
"""Sends the part of this number, and ends with WorkInterrupted when the event is set."""


@dataclass(slots=True)
class Sending:
    """A file that this worker carries to the storage `alias`, under the job's lease."""

    file: ExportFile
    alias: str
    content_type: str
    lease: Lease
    beat: Heartbeat

    @property
    def path(self) -> Path:
        return local_path(self.file.path)

    @property
    def name(self) -> str:
        """A name that nobody else writes: this worker's fence is in it."""
        # The local one with another fence: `orders.f2.csv.gz`.
        stem, _, rest = self.file.path.rpartition(".f")
        return f"{stem}.f{self.lease.fence}.{rest.partition('.')[2]}"

    def begun(self, name: str, *, upload_id: str = "", part_size: int = 0) -> ExportUpload:
        """Note what is begun, in place of what was begun before. Raises LeaseLost."""
        told = {"storage": self.alias, "name": name, "upload_id": upload_id, "part_size": part_size}
        with transaction.atomic():
            self.lease.renew()
            ExportUpload.objects.filter(file=self.file).delete()
            upload: ExportUpload = ExportUpload.objects.create(file=self.file, **told)
        return upload

    def arrived(self, upload: ExportUpload, parts: Iterable[tuple[int, str]]) -> None:
        """Note parts that the storage has, by number and ETag. Raises LeaseLost."""
        rows = [ExportPart(upload=upload, number=number, etag=etag) for number, etag in parts]
        with transaction.atomic():
            self.lease.update(**PROGRESS)
            ExportPart.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["upload", "number"],
                update_fields=["etag"],
            )

    def each(self, send: Send[Done], numbers: Iterable[int]) -> Generator[Done]:
        """What `send` gives for each number, as it comes; several at a time, in threads.

        Meanwhile this thread gives signs of life. Raises WorkInterrupted and LeaseLost without
        waiting for what is under way, and the first error of `send` after what came before it.
        """
        stop = threading.Event()
        pool = ThreadPoolExecutor(max_workers=STREAMS, thread_name_prefix="exportapp-upload")
        waiting = {pool.submit(_closing, send, number, stop) for number in numbers}
        try:
            while waiting:
                done, waiting = wait(waiting, LOOK_SECONDS, FIRST_COMPLETED)
                failed = [future for future in done if future.exception()]
                yield from (future.result() for future in done if not future.exception())
                for future in failed:
                    future.result()
                self.beat()
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _closing(send: Send[Done], number: int, stop: threading.Event) -> Done:
    try:
        require_wanted(stop)
        return send(number, stop)
    finally:
        # A storage may use the database, and this thread goes.
        connections.close_all()


def require_wanted(stop: threading.Event) -> None:
    """Raises WorkInterrupted when nobody waits for the bytes any more."""
    if stop.is_set():
        raise WorkInterrupted("the upload is to stop")


class Stoppable(File):  # type: ignore[type-arg]
    """A file whose reading ends when nobody waits for it any more."""

    def __init__(self, file: Any, name: str, stop: threading.Event) -> None:
        super().__init__(file, name)
        self._bytes, self._stop = file, stop

    def read(self, size: int = -1) -> bytes:
        require_wanted(self._stop)
        data: bytes = self._bytes.read(size)
        return data
