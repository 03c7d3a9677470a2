"""What the database knows: jobs, their shards, files, issues and events.

Nothing here starts work or calls Redis. States change through `move_to` only: one UPDATE whose
WHERE names the states that may leave, so no state is ever read and then saved.

leased   what jobs and shards share: `move_to`, leases and fences
job      ExportJob: what was asked, as whom, and how far it is
shard    ExportShard: a key range and the files made from it
preset   ExportPreset: what somebody asks for again and again
notice   ExportNotice: who is to be told of an end, and by what
records  ExportFile, ExportIssue, ExportEvent
upload   ExportUpload, ExportPart: a file on its way to another storage
"""

from __future__ import annotations

from exportapp.models.job import Consistency, ExportJob
from exportapp.models.notice import MESSAGE, ExportNotice
from exportapp.models.preset import ExportPreset
from exportapp.models.records import ExportEvent, ExportFile, ExportIssue
from exportapp.models.shard import ExportShard
from exportapp.models.upload import ExportPart, ExportUpload

__all__ = [
    "MESSAGE",
    "Consistency",
    "ExportEvent",
    "ExportFile",
    "ExportIssue",
    "ExportJob",
    "ExportNotice",
    "ExportPart",
    "ExportPreset",
    "ExportShard",
    "ExportUpload",
]
