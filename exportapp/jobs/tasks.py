"""What RQ calls. Each takes ids only, and may be called twice, late or never."""

from __future__ import annotations

from exportapp.jobs import upkeep
from exportapp.jobs import work as working
from exportapp.jobs.horse import listen
from exportapp.jobs.notices import sending


def work(job_id: str) -> None:
    listen()
    working.work(job_id, in_queue=True)


def reconcile() -> None:
    upkeep.take_turn()


def tell() -> None:
    listen()
    sending.tell()
