"""What a shard costs besides its rows: leases, anchors and RQ, within a whole export."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from benchmarks import ours
from exportapp.jobs import attempts, lifecycle, waiting, work
from exportapp.jobs.leases import Lease
from exportapp.jobs.memory import keep_loaded
from exportapp.jobs.progress import Anchors
from exportapp.models import ExportShard
from exportapp.tables.selection import Operator, Viewer

Function = tuple[Any, str]
"""Who has it, and its name there."""

PARTS: Final[dict[str, Sequence[Function]]] = {
    "claims, renewals and commits of leases": [
        (work, "claim_shard"),
        (Lease, "renew"),
        (Lease, "commit"),
    ],
    "anchors": [(Anchors, "beat")],
    "looks at RQ's queue and at breakers": [
        (work, "make_way"),
        (attempts, "all_closed"),
        (waiting, "all_closed"),
    ],
}


def beside_rows(rows: int) -> tuple[int, dict[str, float]]:
    """Export as a worker does, in this process; returns the shards and CPU seconds of each part."""
    keep_loaded()
    job, _ = lifecycle.create(ours.asked(rows), Viewer.now(Operator()), queue=False)
    with _metered(PARTS) as spent:
        work.work(job.pk, in_queue=True)
    job.refresh_from_db()
    ours.require_file(job)
    return ExportShard.objects.filter(job=job).count(), spent


@contextmanager
def _metered(parts: Mapping[str, Sequence[Function]]) -> Iterator[dict[str, float]]:
    """CPU seconds that this thread spends in each part while the context lasts."""
    spent = dict.fromkeys(parts, 0.0)
    with ExitStack() as stack:
        for part, functions in parts.items():
            for owner, name in functions:
                counting = _counting(getattr(owner, name), spent, part)
                stack.enter_context(mock.patch.object(owner, name, counting))
        yield spent


def _counting(
    function: Callable[..., Any], spent: dict[str, float], part: str
) -> Callable[..., Any]:
    @functools.wraps(function)
    def counting(*args: Any, **kwargs: Any) -> Any:
        begun = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[part] += time.thread_time() - begun

    return counting
