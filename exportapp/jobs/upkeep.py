"""One turn of everything that looks after exports, whoever calls for it: a clock or a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exportapp.jobs.exclusive import alone, first_in
from exportapp.jobs.notices.sending import wake_if_due
from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.retention import expire, sweep

LOCK_SECONDS: Final = 10
"""How long a turn is missed that died: part of the time until a lost piece has another worker."""

SWEEP_SECONDS: Final = 3600
"""Looking through the storage takes long and finds little: the clock does it once in this time."""


@dataclass(frozen=True, slots=True)
class Turn:
    looked_after: int
    """Exports for which something was done."""
    removed: int
    """Exports whose time was over, and orphans."""


def take_turn(*, thorough: bool = False) -> Turn | None:
    """Look after every export; None when somebody is at it already.

    `thorough` looks through the storage whenever that was done last.
    """
    with alone("upkeep", LOCK_SECONDS) as renew:
        if renew is None:
            return None
        looked_after = reconcile(renew)
        wake_if_due()
        removed = expire(renew)
        if thorough or first_in(SWEEP_SECONDS, "sweep"):
            removed += sweep(renew)
        return Turn(looked_after, removed)
