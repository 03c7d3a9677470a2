"""The RQ worker class: `RQ = {"WORKER_CLASS": "exportapp.jobs.worker.ExportWorker"}`.

What a plain worker gets wrong for long work, and this one does not (rq 2.12): a killed parent
leaves its work-horse running; SIGTERM waits for the job instead of asking it to hand over; a
database connection opened in the parent is shared with the child.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from typing import Any

import rq
from django.db import connections

from exportapp.jobs import work  # noqa: F401  (once in the parent, likewise)
from exportapp.jobs.horse import follow, obey
from exportapp.jobs.memory import keep_loaded
from exportapp.jobs.rehearsal import rehearse

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class ExportWorker(rq.Worker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # An idle worker looks after lost jobs only every worker_ttl - 15 seconds.
        kwargs["worker_ttl"] = 60
        kwargs.setdefault("maintenance_interval", 30)
        kwargs.setdefault("job_monitoring_interval", 10)
        super().__init__(*args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        pool = multiprocessing.parent_process()
        if pool and pool.pid:
            # A pool that is killed cannot end its workers, and the next one starts as many again.
            follow(pool.pid)
        rehearse()
        keep_loaded()
        return super().work(*args, **kwargs)

    def fork_work_horse(self, job: Any, queue: Any) -> None:
        """Fork; a SIGTERM at this moment waits until there is somebody who can hear it."""
        connections.close_all()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            super().fork_work_horse(job, queue)
            if self._stop_requested:
                # It came between taking the job and here: there was no work-horse to tell.
                self._ask_horse_to_stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def setup_work_horse_signals(self) -> None:
        """First thing in the work-horse: SIGTERM asks it to hand its lease back."""
        assert self.pid, "set when the worker began"
        obey(self.pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._ask_horse_to_stop()

    def _ask_horse_to_stop(self) -> None:
        if self.horse_pid:
            # It may have ended since.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
