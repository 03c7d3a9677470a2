from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from uuid import UUID

from django.db import connection
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


def work_here(job: ExportJob) -> bool:
    """Do the whole export in this process; False when a signal interrupted it."""
    with _stop_on_signals(), _shown(job):
        while not stop_requested.is_set():
            recover(job)
            work(job.pk, seconds=float("inf"))
            job.refresh_from_db()
            if not job.is_active:
                return True
            # Another process holds a piece, or an error is being sat out.
            stop_requested.wait(LOOK_SECONDS)
    return False


def watch(job: ExportJob) -> bool:
    """Look on while workers do it; False when a signal ended the looking, not the export."""
    looks = 0
    with _stop_on_signals(), _shown(job):
        while not stop_requested.wait(LOOK_SECONDS):
            job.refresh_from_db()
            if not job.is_active:
                return True
            looks += 1
            if looks % RECONCILE_EVERY == 0:
                reconcile_job(job)
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
            status = status_of(ExportJob.objects.get(pk=job_id))
            bar.total = status.rows_total or None
            bar.n = status.rows_total if status.state == JobState.SUCCEEDED else status.rows_done
            bar.set_description_str(str(status.state.label), refresh=False)
            bar.refresh()
    connection.close()
