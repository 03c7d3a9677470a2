"""What an engineer needs of a failure after everything else is removed, as JSON.

It says what was asked, where it failed and with which code, and keeps no row: an exception's text
may quote a value, local variables are left out.
"""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from django.db import connections
from django.utils import timezone

from exportapp.jobs.leases import worker_name
from exportapp.jobs.redaction import on_one_line
from exportapp.models import ExportJob, ExportShard

MOST_BYTES: Final = 32 * 2**10
MOST_TEXT: Final = 2000
MOST_ITEMS: Final = 100
MOST_FRAMES: Final = 40

LONGEST: Final = ("columns", "selection", "traces")
"""What is left out, in this order, where the whole is longer than MOST_BYTES."""

PACKAGES: Final = ("exportapp", "Django", "pyarrow", "rq", "redis")


def take_snapshot(
    job: ExportJob, code: str, error: str, *, shard: int | None, cause: BaseException | None
) -> dict[str, Any]:
    """At most MOST_BYTES of JSON; longer parts are cut, and say so."""
    piece = ExportShard.objects.filter(job=job, number=shard).first() if shard else None
    return _fitting(
        {
            "v": 1,
            "at": timezone.now().isoformat(),
            "job": str(job.pk),
            "trace_id": job.trace_id,
            "state": job.status,
            "error": {"code": code, "message": error},
            "shard": piece and _shard(piece),
            "fence": (piece or job).fence,
            "worker": worker_name(),
            "source": job.source,
            "spec_fingerprint": job.spec_fingerprint,
            "policy": job.policy,
            "consistency": job.consistency,
            "language": job.language,
            "time_zone": job.time_zone,
            "versions": _versions(),
            "traces": _traces(cause),
            "selection": job.selection,
            "columns": job.columns,
        }
    )


def _shard(shard: ExportShard) -> dict[str, Any]:
    return {
        "number": shard.number,
        "sheet": shard.sheet,
        "state": shard.status,
        "after": shard.after,
        "upto": shard.upto,
        "rows_planned": shard.rows_planned,
        "rows_extracted": shard.rows_extracted,
        "attempts": shard.attempts,
        "lost_leases": shard.lost_leases,
    }


def _versions() -> dict[str, str]:
    database = connections[ExportJob.objects.db]
    number = ".".join(map(str, database.get_database_version()))
    return {
        **{name: installed(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "database": f"{database.vendor} {number}",
    }


def installed(package: str) -> str:
    """The version of a package; empty for what is not installed, as a checkout on the path."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _traces(error: BaseException | None) -> list[dict[str, Any]]:
    """The error and what it came from, the error first; frames end where it was raised."""
    traces: list[dict[str, Any]] = []
    while error is not None and len(traces) < 5:
        frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        traces.append(
            {
                "type": f"{type(error).__module__}.{type(error).__qualname__}",
                "message": on_one_line(str(error)),
                "frames": [f"{_place(at.filename)}:{at.lineno} in {at.name}" for at in frames],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return traces


def _place(filename: str) -> str:
    """The file as its package names it, without where this machine keeps it."""
    path = Path(filename)
    roots = [sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), *sys.path]
    for root in sorted(filter(None, roots), key=len, reverse=True):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


def _fitting(whole: dict[str, Any]) -> dict[str, Any]:
    fitting: dict[str, Any] = _cut(whole)
    for name in LONGEST:
        if len(json.dumps(fitting)) <= MOST_BYTES:
            break
        fitting[name] = "left out: too long"
    return fitting


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        # PostgreSQL takes neither of them in JSON, and an error may quote both.
        text = value.replace("\0", "\\0").encode(errors="backslashreplace").decode()
        return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}… ({len(text)})"
    if isinstance(value, dict):
        return {key: _cut(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        more = [f"… {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return [*map(_cut, value[:MOST_ITEMS]), *more]
    return value
