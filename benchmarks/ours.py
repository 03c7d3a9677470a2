"""Our own contenders: the command in one process, and a click that workers answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.models import Model

from benchmarks.models import Letter, Sale, Tick
from benchmarks.seeding import COLUMNS
from exportapp.exceptions import ExportError
from exportapp.jobs import lifecycle
from exportapp.management import output as handing
from exportapp.models import ExportJob
from exportapp.states import JobState
from exportapp.tables.selection import Operator, Selection, Viewer

LOOK_SECONDS = 0.2
"""How often it is looked on; when an export ended says the export. Workers need the processors."""
WITH_A_FUNCTION = tuple("buyer" if name == "customer" else name for name in COLUMNS)


def command(output: Path, rows: int) -> None:
    _command(output, rows)


def command_on_instances(output: Path, rows: int) -> None:
    _command(output, rows, columns=",".join(WITH_A_FUNCTION))


def click(output: Path, rows: int, model: type[Model] = Sale) -> float:
    """Ask as the admin does and wait for the workers; returns seconds from the call to the end."""
    selection = asked(rows, model)
    # A web process has its connection and what a first request loads.
    connection.ensure_connection()
    viewer = Viewer.now(Operator())
    begun = time.time()
    job, _ = lifecycle.create(selection, viewer)
    ended = _wait(job)
    handing.hand_out(job, output)
    return ended - begun


def asked(rows: int, model: type[Model] = Sale) -> Selection:
    """So many rows of a table that was made for this."""
    return Selection(source=model._meta.label, query={"id__lte": [str(rows)]})


def require_file(job: ExportJob) -> datetime:
    """When `job` ended. Raises ExportError when it did not succeed."""
    if job.state != JobState.SUCCEEDED or job.finished_at is None:
        raise ExportError(f"Export {job.pk} {job.state}: {job.error}")
    return job.finished_at


def _wait(job: ExportJob) -> float:
    """Look on until `job` ends; returns its `finished_at` as seconds since the epoch.

    Raises ExportError when it did not succeed.
    """
    with connection.cursor() as cursor:
        # Statements are counted from the server's log: looking on is not the export's work.
        cursor.execute("SET log_statement = 'none'")
    while job.is_active:
        time.sleep(LOOK_SECONDS)
        job.refresh_from_db()
    return require_file(job).timestamp()


def _command(output: Path, rows: int, **options: object) -> None:
    said = {"filter": [f"id__lte={rows}"], "output": output, **options}
    call_command("export_excel", Sale._meta.label, stdout=StringIO(), **said)


WRITERS: dict[str, Callable[[Path, int], float | None]] = {
    "ours-orm": command,
    "ours-instances": command_on_instances,
    "ours-copy": command,
    "ours-compact": command,
    "ours-2-compact": click,
    "ours-1-worker": click,
    "ours-2-workers": click,
    "ours-100-rows": click,
    "ours-narrow": partial(click, model=Tick),
    "ours-skewed": partial(click, model=Letter),
}
