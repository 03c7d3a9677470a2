from __future__ import annotations

import contextlib
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from tqdm import tqdm

from exportapp.jobs.heartbeat import stop_requested
from exportapp.jobs.reconcile import reconcile_job, recover
from exportapp.jobs.status import status_of
from exportapp.jobs.work import work
from exportapp.models import ExportJob
from exportapp.states import JobState

LOOK_SECONDS = 0.25
RECONCILE_EVERY = 20
"""Looks between two turns of the reconciler while a person watches."""

AWAY = (OperationalError, InterfaceError)
PATIENCE_SECONDS = 60.0
"""How long the database may be away between two pieces, as while it is restarted."""


def work_here(job: ExportJob) -> bool:
    """Do the whole export in this process; False when a signal interrupted it."""

    def turn() -> None:
        recover(job)
        # Until another process holds a piece, or an error is being sat out.
        work(job.pk, seconds=float("inf"))

    return _until_ended(job, turn)


def watch(job: ExportJob) -> bool:
    """Look on while workers do it; False when a signal ended the looking, not the export."""
    looks = itertools.count(1)

    def turn() -> None:
        if next(looks) % RECONCILE_EVERY == 0:
            reconcile_job(job)

    return _until_ended(job, turn)


def _until_ended(job: ExportJob, turn: Callable[[], None]) -> bool:
    """Raises the database's error when that is away for longer than PATIENCE_SECONDS."""
    last_there = time.monotonic()
    with _stop_on_signals(), _shown(job):
        while not stop_requested.is_set():
            try:
                turn()
                job.refresh_from_db()
                last_there = time.monotonic()
                if not job.is_active:
                    return True
            except AWAY:
                close_old_connections()
                if time.monotonic() - last_there > PATIENCE_SECONDS:
                    raise
            stop_requested.wait(LOOK_SECONDS)
    return False


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        stop_requested.set()

    stop_requested.clear()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _shown(job: ExportJob) -> Iterator[None]:
    """A progress bar on a terminal's stderr, drawn beside the work; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()
    drawer = threading.Thread(target=_draw, args=(job.pk, ended), daemon=True)
    drawer.start()
    try:
        yield
    finally:
        ended.set()
        drawer.join()


def _draw(job_id: UUID, ended: threading.Event) -> None:
    # Rows count twice below: half of the bar is reading, half is writing.
    with tqdm(unit=" rows", unit_scale=True, dynamic_ncols=True, leave=True) as bar:
        over = False
        while not over:
            over = ended.wait(LOOK_SECONDS)
            try:
                status = status_of(ExportJob.objects.get(pk=job_id))
            except AWAY:
                connection.close()
                continue
            bar.total = status.rows_total or None
            bar.n = status.rows_total if status.state == JobState.SUCCEEDED else status.rows_done
            bar.set_description_str(str(status.state.label), refresh=False)
            bar.refresh()
    connection.close()
