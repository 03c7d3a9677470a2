"""A Redis that is not there: what it says then, and for how long it is left alone.

Whoever asks it must be able to live without an answer. The time until that is clear would slow the
work down if every piece had to wait for it, so each process asks a server that did not answer no
more for a while.
"""

from __future__ import annotations

import time
from typing import Final

from redis.exceptions import RedisError

AWAY: Final = (RedisError, NotImplementedError)
"""The second is django-redis's word for a cache that is no Redis."""


class Absence:
    """Until when this process leaves one server alone; over at first."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._until = seconds, 0.0

    def __bool__(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        self._until = time.monotonic() + self.seconds

    def end(self) -> None:
        self._until = 0.0


OF_ANCHORS: Final = Absence(5.0)
"""Of the server of the cache: live progress, and what the breakers share."""

OF_QUEUE: Final = Absence(30.0)
"""Of the server of the queue; it is asked after each piece, with a longer patience."""
