"""The clock of the sample project: `manage.py rqcron project/cron.py`, once per installation."""

from __future__ import annotations

from rq import cron

from exportapp.jobs.tasks import reconcile

# With a lease of 30 s a piece that lost its worker has another within 60: docs/operations.md has
# the sum. While no worker is there, calls that nobody needs any more do not pile up (ttl).
cron.register(reconcile, queue_name="exports", interval=15, job_timeout=60, result_ttl=60, ttl=60)
