"""Signals for the project's own code: an export began, is ready, failed, was downloaded.

Each is sent once the change is committed, in the process that made it, with `send_robust`: a
receiver that raises leaves a log line and nothing else, and a receiver that is slow keeps that
process. `sender` is `ExportJob`, `job` the export as it is in the database by then.

They come at most once: a process that dies between its commit and the signal sends none. What must
arrive is a notice (docs/notifications.md), which is a row in the transaction of the change.
"""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

export_started: Final = Signal()
"""A worker took it up for the first time. Arguments: job, user (who asked for it, or None)."""

export_succeeded: Final = Signal()
"""Its files are there. Arguments: job, user (who asked for it, or None)."""

export_failed: Final = Signal()
"""It waits for a person, and may be resumed. Arguments: job, user (who asked for it, or None)."""

export_downloaded: Final = Signal()
"""Somebody began to take a file. Arguments: job, user (who takes it), file (its number, or "all"
for every file as one zip), filename. Parts of a download that goes on send none."""
