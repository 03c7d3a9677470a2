from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exportapp.jobs.status import status_of
from exportapp.models import ExportJob


def as_data(job: ExportJob, paths: Sequence[Path] = ()) -> dict[str, Any]:
    """The job for machines."""
    status = status_of(job)
    files = [
        {"filename": file.filename, "rows": file.rows, "size": file.size, "sha256": file.sha256}
        for file in job.files.all()
    ]
    for file, path in zip(files, paths, strict=False):
        file["path"] = str(path)
    return {
        "id": str(job.pk),
        "source": job.source,
        "consistency": job.consistency,
        "state": job.status,
        "waiting_for": job.waiting_for,
        "rows_total": status.rows_total,
        "rows_extracted": status.rows_extracted,
        "rows_rendered": status.rows_rendered,
        "shards_done": status.shards_done,
        "shards_total": status.shards_total,
        "rate": status.rate,
        "issues": job.issues_counted,
        "error": {"code": job.error_code, "message": job.error} if job.error else None,
        "files": files,
    }


def as_whole(job: ExportJob) -> dict[str, Any]:
    """The job for machines, with what an engineer needs of its last failure."""
    return as_data(job) | {"trace_id": job.trace_id, "error_snapshot": job.error_snapshot}


def as_line(job: ExportJob) -> str:
    """The job for people."""
    status = status_of(job)
    line = (
        f"{job.pk}  {job.source}  {job.state.label}  {status.percent} %  "
        f"{status.rows_done:,} of {status.rows_total:,} rows  {job.created_at:%Y-%m-%d %H:%M}"
    )
    return "\n  ".join(filter(None, [line, job.waiting_for, job.error]))


def as_result(job: ExportJob, paths: Sequence[Path]) -> str:
    """What came of it, a line for each file."""
    status = status_of(job)
    lines = [str(path) for path in paths]
    issues = sum(job.issues_counted.values())
    lines.append(
        f"{status.rows_total:,} rows, {status.rate:,.0f} rows/s, export {job.pk}"
        + (f", {issues:,} issues" if issues else "")
    )
    return "\n".join(lines)


def dumped(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2, default=str)
