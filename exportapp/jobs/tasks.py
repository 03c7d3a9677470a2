"""What RQ calls. Each takes ids only, and may be called twice, late or never."""

from __future__ import annotations

from exportapp.jobs import reconcile as reconciling
from exportapp.jobs import retention
from exportapp.jobs import work as working


def work(job_id: str) -> None:
    working.work(job_id)


def reconcile() -> None:
    reconciling.reconcile()
    retention.expire()
