"""What an export made, of what and by what: JSON that lies beside its files.

It is written with the success of the job, while all of it is known, and kept as the text that is
handed out. Counted out on demand it would have other versions in it after a deploy, and a download
that has it in its middle could not be resumed; as a file of its own it would go with the others
when their time is over, and what was handed out to whom is asked about later than that.
"""

from __future__ import annotations

import functools
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from itertools import repeat
from typing import Any, Final, TypeAlias

from exportapp.jobs.options import Options
from exportapp.jobs.snapshot import installed
from exportapp.jobs.verify import Verified
from exportapp.jobs.versions import VERSION
from exportapp.jobs.words import who
from exportapp.models import ExportFile, ExportJob, ExportShard

Keys: TypeAlias = dict[str, Any]
"""The primary keys of the first and the last row: a number, or a text."""

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
        "files": _files(job, files, shards, verified),
        "issues": job.issues_counted,
        "verified": verified and verified.told(),
        "versions": versions(),
    }
    return json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


@functools.cache
def versions() -> dict[str, str]:
    """What makes the file, in this process."""
    python = {"python": platform.python_version()}
    return python | {name: installed(name) for name in PACKAGES}


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
    job: ExportJob,
    files: Sequence[ExportFile],
    shards: Sequence[ExportShard],
    verified: Verified | None,
) -> list[dict[str, Any]]:
    told = []
    # The layout's sheets one after the other, as the files have them.
    ends = iter(_ends(shards, sum(len(file.sheets) for file in files)))
    for file in files:
        sheets = []
        for (title, rows), keys in zip(file.sheets, ends, strict=False):
            sheet = {"title": title, "rows": rows, "keys": keys}
            if verified:
                sheet["checksums"] = verified.checksums[file.number, title]
            sheets.append(sheet)
        told.append(
            {
                "name": file.filename,
                "size": file.size,
                "sha256": file.sha256,
                "rows": file.rows,
                "keys": _keys_of_file(sheets, several=bool(job.sheets)),
                "sheets": sheets,
            }
        )
    return told


def _ends(shards: Sequence[ExportShard], sheets: int) -> list[Keys | None]:
    """The keys of the first and the last row of each sheet of the layout; None where not kept."""
    found: list[list[Keys | None]] = [[] for _ in range(sheets)]
    for shard in shards:
        spans = shard.spans or {"spans": []}
        pieces = spans["spans"]
        # A worker of the version before keeps none.
        for (sheet, *_, rows), keys in zip(pieces, spans.get("keys") or repeat(None), strict=False):
            if rows:
                found[sheet].append({"first": keys[0], "last": keys[1]} if keys else None)
    return [_around(pieces) for pieces in found]


def _keys_of_file(sheets: Sequence[dict[str, Any]], *, several: bool) -> Keys | None:
    if several and len(sheets) > 1:
        # Keys of one model's rows and of another's.
        return None
    return _around([sheet["keys"] for sheet in sheets if sheet["rows"]])


def _around(pieces: Sequence[Keys | None]) -> Keys | None:
    """From the first key of the first piece to the last of the last."""
    if not pieces or pieces[0] is None or pieces[-1] is None:
        return None
    return {"first": pieces[0]["first"], "last": pieces[-1]["last"]}
