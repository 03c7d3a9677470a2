"""Places where a worker gets a signal from itself at an exact moment; the product has no hook.

A fault lies as a file `<point>.<nth>.<signal>.<whom>.<serial>` in the folder that the environment
calls FAULTS. The process that passes the point for the nth time renames the file and sends the
signal to itself, to its parent, or to both. One fault strikes once, one at a time and in the order
in which they were laid down, and workers live on for the next.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal, cast

Whom = Literal["self", "parent", "both"]

FOLDER = "FAULTS"
STRUCK = "struck"
"""The folder in that one where faults go when they have struck, as `<pid>.<fault>`."""
DELIVERIES = "DELIVERIES"
"""How many times each wake-up is delivered."""

CLOCK = "CLOCK"
"""By how many seconds this process's clock is wrong."""

_serials = count()
_passed: Counter[str] = Counter()
_worker = 0
"""The process in which the points were put, whose children are its work-horses."""


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


def _of_a_shard(result: Any, lease: Any, target: Any, **changes: Any) -> bool:
    return str(target) in ("extracted", "rendered")


def _of_the_file(result: Any, lease: Any, target: Any, **changes: Any) -> bool:
    return str(target) == "succeeded"


POINTS = {
    "before_claim": Point("exportapp.jobs.work", "claim_shard", "before"),
    "after_claim": Point("exportapp.jobs.work", "claim_shard", "after", _done),
    "between_plan_inserts": Point("exportapp.tables.keyset:Keyset", "hop", "before"),
    "fanning_out": Point("rq:Queue", "enqueue", "after"),
    "extracting_a_batch": Point("exportapp.jobs.tally:Tally", "add", "before"),
    "rendering_a_batch": Point("exportapp.jobs.formats.workbook", "render_rows", "before"),
    "after_write": Point("os", "fsync", "before"),
    "after_fsync": Point("os", "replace", "before", _spool),
    "after_rename": Point("os", "replace", "after", _spool),
    "before_commit": Point("exportapp.jobs.leases:Lease", "commit", "before", _of_a_shard),
    "in_commit": Point("exportapp.jobs.leases:Lease", "commit", "after", _of_a_shard),
    "after_commit": Point("exportapp.jobs.work", "_committed", "before"),
    "before_layout": Point("exportapp.jobs.phases", "lay_out", "before"),
    "in_layout_move": Point("exportapp.jobs.phases", "_place", "before"),
    "after_layout": Point("exportapp.jobs.phases", "_settle_layout", "after", _done),
    "in_merge": Point("exportapp.jobs.merge", "opened", "before"),
    "after_final_fsync": Point("os", "replace", "before", _final),
    "after_final_rename": Point("os", "replace", "after", _final),
    "in_final_commit": Point("exportapp.jobs.leases:Lease", "commit", "after", _of_the_file),
    "after_final_commit": Point("exportapp.jobs.phases", "finish", "before"),
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
    (folder / STRUCK).mkdir(exist_ok=True)
    (folder / f"{point}.{nth}.{number.name}.{whom}.{next(_serials)}").touch()


def armed(folder: Path) -> list[str]:
    """The faults that have struck nobody yet."""
    return sorted(path.name for path in folder.glob("*.SIG*"))


def struck(folder: Path) -> list[int]:
    """The process ids of those whom faults have struck."""
    return [int(path.name.partition(".")[0]) for path in (folder / STRUCK).glob("*")]


def take_struck(folder: Path) -> list[tuple[str, Whom]]:
    """The point and the victim of each fault that has struck; they are forgotten with this."""
    taken = []
    for path in (folder / STRUCK).glob("*"):
        _, point, _, _, whom, _ = path.name.split(".")
        taken.append((point, cast(Whom, whom)))
        path.unlink()
    return taken


def install() -> None:
    """Put every point, the deliveries and the clock into this process."""
    global _worker
    _worker = os.getpid()
    for name, point in (POINTS | FORKS).items():
        _wrap(name, point)
    _deliver(int(os.environ.get(DELIVERIES, "1")))
    _shift_clock(float(os.environ.get(CLOCK, "0")))


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
    faults = sorted(folder.glob(f"{name}.*.SIG*"), key=lambda path: int(path.suffix[1:]))
    _passed[name] += bool(faults)
    for fault in faults:
        _, nth, number, whom, _ = fault.name.split(".")
        if _passed[name] < int(nth) or (whom != "self" and os.getppid() != _worker):
            continue
        with suppress(FileNotFoundError):  # another process was first
            fault.rename(folder / STRUCK / f"{os.getpid()}.{fault.name}")
            _send(signal.Signals[number], whom)
            return


def _send(number: signal.Signals, whom: str) -> None:
    if whom != "self":
        os.kill(os.getppid(), number)
    if whom != "parent":
        os.kill(os.getpid(), number)


def _deliver(times: int) -> None:
    import rq

    original = rq.Queue.enqueue

    def enqueue(self: rq.Queue, *args: Any, job_id: str | None = None, **kwargs: Any) -> Any:
        for serial in range(times):
            name = job_id and f"{job_id}{serial or ''}"
            original(self, *args, job_id=name, **kwargs)

    rq.Queue.enqueue = enqueue  # type: ignore[method-assign]


def _shift_clock(seconds: float) -> None:
    if not seconds:
        return
    import time_machine

    # Of this process and of those that it forks; never taken back.
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()
