"""One process beside a plant: the cron that calls the reconciler, and the person who asks.

Both in one process that stays, because starting Python takes longer than an export here.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from itertools import count
from pathlib import Path

from django.core.management import call_command
from django.db import close_old_connections

from exportapp.jobs import lifecycle, reconcile
from exportapp.tables.selection import Operator, Selection, Viewer

LOOK_SECONDS = 0.05
EVERY_LOOKS = 6
"""The cron comes once in so many looks: a turn costs more than anything else that goes on."""
ASK = "ASK"
"""Names the file in the environment whose presence asks for an export."""


def watch() -> None:
    """Reconcile, and make an export whenever somebody asks, until somebody ends it."""
    # A real cron comes every 30 s; what is tested is that it mends, not how long it waits.
    reconcile.WAKE_AGAIN_SECONDS = 0.5
    asked = Path(os.environ[ASK])
    for look in count():
        close_old_connections()
        try:
            if asked.exists():
                call_command("export_excel", "shop.Order", "--queue")
                asked.unlink()
            if look % EVERY_LOOKS == 0:
                reconcile.reconcile()
        except (Exception, SystemExit):
            # As with cron: one turn fails, whatever of, and the next comes.
            traceback.print_exc()
        time.sleep(LOOK_SECONDS)


def ask_for(selected: list[list[int]]) -> None:
    """Ask for the orders with these keys, an export each, and print the exports' ids."""
    viewer = Viewer(user=Operator(), language="en", time_zone="UTC")
    jobs = []
    for number, keys in enumerate(selected):
        selection = Selection(source="shop.Order", keys=tuple(map(str, keys)))
        job, _ = lifecycle.create(selection, viewer, request_key=f"crowd {number}")
        jobs.append(str(job.pk))
    print(json.dumps(jobs))
