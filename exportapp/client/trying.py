"""What is tried again, when and for how long: exponential back-off with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog; RFC 9110, 10.2.3
(Retry-After).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from tenacity import (
    AttemptManager,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_before_delay,
    wait_random_exponential,
)

from exportapp.client.failures import Refused

AGAIN: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses that say: later, perhaps."""

FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    deadline: float = 120.0
    """Seconds in which a request must have succeeded; each byte of a download begins them anew."""
    first: float = FIRST_SECONDS
    """The longest first pause, in seconds; each next one may be twice as long."""
    most: float = MOST_SECONDS
    """The longest pause of all, but for what the server itself asks for."""

    def attempts(self) -> Iterator[AttemptManager]:
        """`for attempt in …: with attempt: …`; the last error is raised when time is up."""
        jitter = wait_random_exponential(multiplier=self.first, max=self.most)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            told = retry_after(error.headers) if isinstance(error, Refused) else None
            # Not all who were told the same come back at once.
            return jitter(state) + (told or 0.0)

        return iter(
            Retrying(
                retry=retry_if_exception(is_passing),
                wait=pause,
                stop=stop_before_delay(self.deadline),
                reraise=True,
            )
        )


def begin_anew(attempt: AttemptManager) -> None:
    """There was progress: the pauses and the deadline begin from the start."""
    attempt.retry_state.attempt_number = 1
    attempt.retry_state.start_time = time.monotonic()


def is_passing(error: BaseException) -> bool:
    """Whether the same request may do better later."""
    if isinstance(error, Refused):
        return error.status in AGAIN
    return isinstance(error, httpx.TransportError) and not isinstance(
        error, httpx.UnsupportedProtocol | httpx.ProxyError
    )


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; None where it does not."""
    told = headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
