"""One turn of everything that looks after exports, whoever calls for it: a clock or a person."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django_redis import get_redis_connection

from exportapp.conf import conf
from exportapp.jobs.away import AWAY, OF_ANCHORS
from exportapp.jobs.exclusive import alone, first_in
from exportapp.jobs.notices.sending import wake_if_due
from exportapp.jobs.objects.removal import give_up_uploads
from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.retention import expire, sweep

LOCK_SECONDS: Final = 10
"""How long a turn is missed that died: part of the time until a lost piece has another worker."""

SWEEP_SECONDS: Final = 3600
"""Looking through the storage takes long and finds little: the clock does it once in this time."""


NOTED: Final = "export:upkeep:last"
"""The key of what is remembered of the last turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    looked_after: int
    """Exports for which something was done."""
    removed: int
    """Exports whose time was over, and orphans."""


@dataclass(frozen=True, slots=True)
class LastTurn:
    at: datetime
    turn: Turn

    @property
    def age(self) -> int:
        """Seconds since its end."""
        return max(0, round(time.time() - self.at.timestamp()))


def take_turn(*, thorough: bool = False) -> Turn | None:
    """Look after every export; None when somebody is at it already.

    `thorough` looks through the storage whenever that was done last.
    """
    with alone("upkeep", LOCK_SECONDS) as renew:
        if renew is None:
            return None
        looked_after = reconcile(renew)
        wake_if_due()
        give_up_uploads(renew)
        removed = expire(renew)
        if thorough or first_in(SWEEP_SECONDS, "sweep"):
            removed += sweep(renew)
        turn = Turn(looked_after, removed)
        _note(turn)
        return turn


def last_turn() -> LastTurn | None:
    """The last one of which Redis knows; None when there was none, or Redis is away."""
    if OF_ANCHORS:
        return None
    with contextlib.suppress(*AWAY):
        noted: Any = get_redis_connection(conf.CACHE).get(NOTED)
        if noted:
            at, looked_after, removed = json.loads(noted)
            return LastTurn(datetime.fromtimestamp(at, UTC), Turn(looked_after, removed))
    return None


def _note(turn: Turn) -> None:
    with contextlib.suppress(*AWAY):
        noted = json.dumps([time.time(), turn.looked_after, turn.removed])
        get_redis_connection(conf.CACHE).set(NOTED, noted, ex=conf.ANCHOR_TTL)
