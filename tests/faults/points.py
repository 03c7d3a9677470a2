"""Places where a worker gets a signal from itself at an exact moment; the product has no hook.

A fault lies as a file `<point>.<nth>.<signal>.<whom>.<serial>` in the folder that the environment
calls FAULTS. The process that passes the point for the nth time renames the file and sends the
signal to itself or to its parent, so one fault strikes once, and workers live on for the next.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

Whom = Literal["parent", "self"]

FOLDER = "FAULTS"
DELIVERIES = "DELIVERIES"
"""How many times each wake-up is delivered."""

_serials = count()
_passed: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Point:
    owner: str
    name: str
    when: Literal["before", "after"]
    only: Callable[..., bool] = lambda result, *args, **kwargs: True
    """Asked with the result (None before the call) and the arguments."""


def _done(result: Any, *args: Any) -> bool:
    """Not a claim that found nothing, nor a move that another worker made."""
    return bool(result)


def _spool(result: Any, source: Any, target: Any) -> bool:
    return str(source).endswith(".part") and Path(target).name.startswith("shard-")


def _final(result: Any, source: Any, target: Any) -> bool:
    return str(source).endswith(".part") and not Path(target).name.startswith("shard-")


POINTS = {
    "before_claim": Point("exportapp.jobs.work", "claim_shard", "before"),
    "after_claim": Point("exportapp.jobs.work", "claim_shard", "after", _done),
    "between_plan_inserts": Point("exportapp.tables.keyset:Keyset", "hop", "before"),
    "extracting_a_batch": Point("exportapp.jobs.extract:Tally", "add", "before"),
    "rendering_a_batch": Point("exportapp.jobs.render", "render_rows", "before"),
    "before_fsync": Point("os", "fsync", "before"),
    "before_rename": Point("os", "replace", "before", _spool),
    "before_commit": Point("os", "replace", "after", _spool),
    "before_anchors": Point("exportapp.jobs.work", "_committed", "before"),
    "before_layout": Point("exportapp.jobs.phases", "lay_out", "before"),
    "in_layout_move": Point("exportapp.jobs.phases", "_place", "before"),
    "after_layout": Point("exportapp.jobs.phases", "_settle_layout", "after", _done),
    "in_merge": Point("exportapp.jobs.merge", "reading", "before"),
    "before_final_rename": Point("os", "replace", "before", _final),
    "before_final_commit": Point("os", "replace", "after", _final),
    "before_cleaning": Point("exportapp.jobs.phases", "finish", "before"),
    "after_cleaning": Point("exportapp.jobs.files", "remove_except", "after"),
}

FORKS = {
    "before_fork": Point("rq.worker.base:BaseWorker", "prepare_execution", "after"),
    "forked_parent": Point("os", "fork", "after", lambda result: result),
    "forked_horse": Point("os", "fork", "after", lambda result: not result),
}
"""Between a worker's being busy and its work-horse's being able to hear."""


def arm(folder: Path, point: str, nth: int, number: signal.Signals, whom: Whom) -> None:
    """Lay a fault down for the first process that passes `point` for the nth time."""
    assert point in POINTS | FORKS, point
    (folder / f"{point}.{nth}.{number.name}.{whom}.{next(_serials)}").touch()


def armed(folder: Path) -> list[str]:
    """The faults that have struck nobody yet."""
    return sorted(path.name for path in folder.glob("*.SIG*"))


def struck(folder: Path) -> list[int]:
    """The process ids of those whom faults have struck."""
    return [int(path.suffix[1:]) for path in folder.glob("struck.*")]


def install() -> None:
    """Put every point, and the deliveries, into this process."""
    for name, point in (POINTS | FORKS).items():
        _wrap(name, point)
    _deliver(int(os.environ.get(DELIVERIES, "1")))


def _wrap(name: str, point: Point) -> None:
    owner = resolve_name(point.owner)
    original = getattr(owner, point.name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before" and point.only(None, *args, **kwargs):
            _pass(name)
        result = original(*args, **kwargs)
        if point.when == "after" and point.only(result, *args, **kwargs):
            _pass(name)
        return result

    setattr(owner, point.name, wrapped)


def _pass(name: str) -> None:
    folder = Path(os.environ[FOLDER])
    faults = sorted(folder.glob(f"{name}.*.SIG*"))
    _passed[name] += bool(faults)
    for fault in faults:
        _, nth, number, whom, _ = fault.name.split(".")
        if _passed[name] < int(nth):
            continue
        with suppress(FileNotFoundError):  # another process was first
            fault.rename(folder / f"struck.{os.getpid()}")
            pid = os.getppid() if whom == "parent" else os.getpid()
            os.kill(pid, signal.Signals[number])


def _deliver(times: int) -> None:
    import rq

    original = rq.Queue.enqueue

    def enqueue(self: rq.Queue, *args: Any, job_id: str, **kwargs: Any) -> Any:
        for serial in range(times):
            original(self, *args, job_id=f"{job_id}{serial or ''}", **kwargs)

    rq.Queue.enqueue = enqueue  # type: ignore[method-assign]
