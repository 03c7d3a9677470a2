"""An export until it is over: by server-sent events where the server has them, else by polls.

Sources: WHATWG HTML, section 9.2.6, "Interpreting an event stream"; RFC 9110, 13.1.2.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx

from exportapp.client.failures import Refused, WaitedTooLong
from exportapp.client.trying import AGAIN, Patience, begin_anew, retry_after

Export = dict[str, Any]
"""As the server shows it: docs/api.md has all its members."""

LOOK_SECONDS: Final = 2.0
"""The time between two looks at an export where the server does not say how long to wait."""

SIGN_SECONDS: Final = 15.0
"""The time between two signs of life on a silent connection; who has less time left polls."""

MEDIA_TYPE: Final = "text/event-stream"

TOO_MANY: Final = httpx.codes.TOO_MANY_REQUESTS


class NotOffered(Exception):
    """The server has no live events, or none for one more client."""


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    data: Any
    id: str


def events(lines: Iterable[str]) -> Iterator[Event | None]:
    """The events of a stream; None for a comment, which is a sign of life."""
    kind, data, last = "message", list[str](), ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            yield Event(kind, json.loads("\n".join(data)), last)
        elif line and not name:
            yield None
        if not line:
            kind, data = "message", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            last = value


def is_over(export: Export) -> bool:
    """Whether it goes on only if a person says so; one that was paused could be cancelled too."""
    links = export["links"]
    return bool(export["finished_at"] or (links["resume"] and not links["cancel"]))


@dataclass
class Watch:
    """One export at its `address`; `look` asks for it, given headers."""

    http: httpx.Client
    address: str
    look: Callable[[dict[str, str]], httpx.Response]
    patience: Patience
    until: float
    seconds: float
    found: Export = field(default_factory=dict)
    etag: str = ""
    last_id: str = ""
    is_live: bool = True
    _heard: Iterator[Event | None] | None = None
    _answer: httpx.Response | None = None

    def changes(self) -> Iterator[Export]:
        """The export as it is and whenever that has changed. Raises WaitedTooLong."""
        pause = self._look()
        yield self.found
        try:
            while not is_over(self.found):
                before = self.found
                if self.is_live and self._has_time(SIGN_SECONDS):
                    pause = self._listen()
                else:
                    self._rest(pause)
                    pause = self._look()
                if self.found != before:
                    yield self.found
        finally:
            self._hang_up()

    def _look(self) -> float:
        """Ask what has changed; returns how long to wait until the next time."""
        answer = self.look({"If-None-Match": self.etag} if self.etag else {})
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            self.found, self.etag = answer.json(), answer.headers.get("ETag", "")
        told = retry_after(answer.headers)
        return LOOK_SECONDS if told is None else told

    def _rest(self, seconds: float) -> None:
        # Many who wait for the same do not ask in step.
        pause = seconds * random.uniform(0.75, 1.25)  # nosec B311
        if not self._has_time(pause):
            raise WaitedTooLong(self.found, self.seconds)
        time.sleep(pause)

    def _has_time(self, seconds: float) -> bool:
        return time.monotonic() + seconds < self.until

    def _listen(self) -> float:
        """Take in what is told next, or leave it to polls."""
        try:
            for attempt in self.patience.attempts():
                with attempt:
                    event = self._next(partial(begin_anew, attempt))
        except NotOffered:
            self.is_live = False
            return 0.0
        if event is not None:
            self.last_id = event.id or self.last_id
            self._take(event)
        return LOOK_SECONDS

    def _take(self, event: Event) -> None:
        if event.kind not in {"progress", "end"}:
            return
        if event.kind == "end" or event.data["state"] != self.found["state"]:
            # What can be done with it is another matter in each state.
            self._look()
        else:
            self.found = self.found | event.data

    def _next(self, moved: Callable[[], None]) -> Event | None:
        """Raises NotOffered, Refused and httpx.TransportError."""
        is_new = self._heard is None
        heard = self._heard or self._begin()
        try:
            return next(heard)
        except StopIteration:
            # Its time was over: it is meant to be begun anew.
            self._hang_up()
            self._rest(LOOK_SECONDS)
            return None
        except httpx.TransportError:
            self._hang_up()
            if not is_new:
                moved()
            raise

    def _begin(self) -> Iterator[Event | None]:
        headers = {"Accept": MEDIA_TYPE} | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        address = f"{self.address}events/stream/"
        request = self.http.build_request("GET", address, headers=headers)
        answer = self.http.send(request, stream=True)
        self._answer = answer
        if answer.status_code in AGAIN - {TOO_MANY}:
            answer.read()
            raise Refused.of(answer)
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if answer.status_code != httpx.codes.OK or kind != MEDIA_TYPE:
            self._hang_up()
            raise NotOffered
        self._heard = events(answer.iter_lines())
        return self._heard

    def _hang_up(self) -> None:
        answer, self._answer, self._heard = self._answer, None, None
        if answer is not None:
            with suppress(httpx.TransportError):
                answer.close()
