"""What an export made, of what and by what: JSON that lies beside its files.

It is written with the success of the job, while all of it is known, and kept as the text that is
handed out. Counted out on demand it would have other versions in it after a deploy, and a download
that has it in its middle could not be resumed; as a file of its own it would go with the others
when their time is over, and what was handed out to whom is asked about later than that.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from exportapp.jobs.options import Options
from exportapp.jobs.snapshot import installed
from exportapp.jobs.verify import Verified
from exportapp.jobs.versions import VERSION
from exportapp.jobs.words import who
from exportapp.models import ExportFile, ExportJob, ExportShard

PACKAGES: Final = ("exportapp", "Django", "pyarrow", "openpyxl")


def make_manifest(
    job: ExportJob, files: Sequence[ExportFile], verified: Verified | None = None
) -> str:
    """The JSON of `job`, whose `files` are written and not committed yet.

    docs/download.md says what its members mean.
    """
    shards = list(ExportShard.objects.filter(job=job).order_by("number"))
    manifest = {
        "v": VERSION,
        "export": str(job.pk),
        "trace_id": job.trace_id,
        "asked": _asked(job),
        "columns": job.columns,
        "spec_fingerprint": job.spec_fingerprint,
        "rows": {
            "planned": sum(shard.rows_planned for shard in shards),
            "extracted": sum(shard.rows_extracted or 0 for shard in shards),
            "rendered": sum(shard.rows_rendered or 0 for shard in shards),
            "in_file": sum(file.rows for file in files),
        },
        "files": _files(files, shards, verified),
        "issues": job.issues_counted,
        "verified": verified and verified.told(),
        "versions": {
            "python": platform.python_version(),
            **{name: installed(name) for name in PACKAGES},
        },
    }
    return json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


def _asked(job: ExportJob) -> dict[str, Any]:
    return {
        "source": job.source,
        "selection": job.selection,
        "policy": job.policy,
        "consistency": job.consistency,
        "options": asdict(Options.from_json(job.options)),
        "by": who(job) or None,
        "language": job.language,
        "time_zone": job.time_zone,
        "at": job.created_at.isoformat(),
    }


def _files(
    files: Sequence[ExportFile], shards: Sequence[ExportShard], verified: Verified | None
) -> list[dict[str, Any]]:
    told = []
    start = 0
    for file in files:
        sheets = []
        begin = start
        for title, rows in file.sheets:
            sheet = {"title": title, "rows": rows, "keys": _keys(shards, start, rows)}
            if verified:
                sheet["checksums"] = verified.checksums[file.number, title]
            sheets.append(sheet)
            start += rows
        start = begin + file.rows
        told.append(
            {
                "name": file.filename,
                "size": file.size,
                "sha256": file.sha256,
                "rows": file.rows,
                "keys": _keys(shards, begin, file.rows),
                "sheets": sheets,
            }
        )
    return told


def _keys(shards: Sequence[ExportShard], start: int, rows: int) -> dict[str, Any] | None:
    """The key before and the last key of the ranges that rows `start` to `start + rows` are of."""
    ranges = []
    place = 0
    for shard in shards:
        count = shard.rows_extracted or 0
        if place < start + rows and start < place + count:
            ranges.append(shard)
        place += count
    if not ranges:
        return None
    return {"after": _key(ranges[0].after), "upto": _key(ranges[-1].upto)}


def _key(bound: str) -> list[Any] | None:
    """The values of a key as `tables.keys` writes them, without their types."""
    return [value for _, value in json.loads(bound)] if bound else None
