"""The clock of the sample project: `manage.py rqcron project/cron.py`, once per installation."""

from __future__ import annotations

from rq import cron

from exportapp.jobs.tasks import reconcile

# Half the length of a lease: a piece that lost its worker is free again soon after.
cron.register(reconcile, queue_name="exports", interval=30, job_timeout=60, result_ttl=60)
