"""Those who look at an export again and again, in one process: how long they wait for an answer.

The process that measures memory is another one, and so is the one that downloads: neither may
keep an answer waiting that is there.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from benchmarks.site import Site
from exportapp.client.trying import retry_after
from exportapp.states import ACTIVE, JobState

SOURCE: Final = "benchmarks.Sale"
LEAST_SECONDS: Final = 1.0
"""Between two looks of one client; more where the server says so by Retry-After."""
STEADY_SECONDS: Final = 0.1
"""The same for one who looks alone: a minute must have looks enough for a p99."""
TURN_SECONDS: Final = 0.2
"""Between two looks of the one who asks for the exports."""
FIRST_LOOKS: Final = 16
"""Before the clock starts: what a server loads with its first answers is not the load."""


@dataclass(frozen=True, slots=True)
class Crowd:
    pollers: int
    """Clients of the REST interface."""
    pages: int
    """Browsers with the page of the export open: they fetch its fragment each second."""
    downloads: int
    exports: bool
    """Whether the workers export meanwhile."""

    @property
    def alone(self) -> bool:
        return self.pollers == 1


@dataclass(slots=True)
class Polls:
    seconds: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    """Seconds of each answer: over REST, and of the page's fragment."""
    known: int = 0
    """Answers 304 over REST."""
    rows: float = 0
    """Exported rows; one that is read and not yet written is half a row."""
    exporting: float = 0
    """Seconds in which they were exported."""
    took: float = 0
    """Seconds from the first look to the last answer."""
    errors: list[str] = field(default_factory=list)


def poll(site: Site, crowd: Crowd, export: str, seconds: float) -> Polls:
    """Have the crowd look at `export`, or at the newest of those that are made meanwhile."""
    return asyncio.run(_Crowd(crowd, export).run(site, seconds))


@dataclass(slots=True)
class _Crowd:
    crowd: Crowd
    export: str
    """The id of the one to look at."""
    state: str = JobState.SUCCEEDED.value
    until: float = 0.0
    polls: Polls = field(default_factory=Polls)

    async def run(self, site: Site, seconds: float) -> Polls:
        async with httpx.AsyncClient(**site.options()) as client:
            await self._warm(client)
            started = time.monotonic()
            self.until = started + seconds
            async with asyncio.TaskGroup() as group:
                if self.crowd.exports:
                    group.create_task(self._export(client))
                for _ in range(self.crowd.pollers):
                    group.create_task(self._look_on(client))
                for _ in range(self.crowd.pages):
                    group.create_task(self._look_at_page(client))
            self.polls.took = time.monotonic() - started
        return self.polls

    async def _warm(self, client: httpx.AsyncClient) -> None:
        looks = (self._address, self._fragment)
        await asyncio.gather(*(client.get(look()) for look in looks for _ in range(FIRST_LOOKS)))

    async def _look_on(self, client: httpx.AsyncClient) -> None:
        """As exportapp.client does it: what is known is named, and the server says when to come."""
        known: tuple[str, str] = ("", "")
        await self._spread()
        while time.monotonic() < self.until:
            address = self._address()
            headers = {"If-None-Match": known[1]} if known[0] == address else {}
            answer = await self._timed(client, address, self.polls.seconds, headers)
            if answer is not None:
                self.polls.known += answer.status_code == httpx.codes.NOT_MODIFIED
                known = address, answer.headers.get("ETag", "")
            told = None if answer is None else retry_after(answer.headers)
            await self._pause(max(LEAST_SECONDS, told or 0.0))

    async def _look_at_page(self, client: httpx.AsyncClient) -> None:
        await self._spread()
        while time.monotonic() < self.until:
            await self._timed(client, self._fragment(), self.polls.pages)
            await self._pause(LEAST_SECONDS)

    async def _timed(
        self,
        client: httpx.AsyncClient,
        address: str,
        seconds: list[float],
        headers: dict[str, str] | None = None,
    ) -> httpx.Response | None:
        """The answer, its time noted; None with a note of the error."""
        began = time.perf_counter()
        try:
            answer = await client.get(address, headers=headers)
        except httpx.HTTPError as error:
            self.polls.errors.append(f"{address}: {error!r}")
            return None
        seconds.append(time.perf_counter() - began)
        if answer.status_code not in (httpx.codes.OK, httpx.codes.NOT_MODIFIED):
            self.polls.errors.append(f"{address}: {answer.status_code} {answer.text[:200]}")
        return answer

    async def _export(self, client: httpx.AsyncClient) -> None:
        """One export after the other, until time is up or one cannot be had."""
        try:
            while time.monotonic() < self.until:
                await self._export_once(client)
        except (httpx.HTTPError, RuntimeError) as error:
            self.polls.errors.append(f"exporting: {error!r}")
        if self.state in ACTIVE:
            # 409 where it has ended meanwhile.
            await client.post(f"{self._address()}cancel/")

    async def _export_once(self, client: httpx.AsyncClient) -> None:
        """What one has done when time is up counts too."""
        began = time.monotonic()
        found = await self._answered(client.post("/api/exports/", json={"source": SOURCE}))
        self.export, self.state = found["id"], found["state"]
        while not found["finished_at"] and time.monotonic() < self.until:
            await asyncio.sleep(TURN_SECONDS)
            found = await self._answered(client.get(self._address()))
            self.state = found["state"]
        self.polls.rows += found["progress"]["rows_done"]
        self.polls.exporting += time.monotonic() - began
        if found["finished_at"] and self.state != JobState.SUCCEEDED:
            raise RuntimeError(f"an export {self.state}: {found['error']}")

    async def _answered(self, asking: Awaitable[httpx.Response]) -> dict[str, Any]:
        answer = await asking
        if answer.is_error:
            raise RuntimeError(f"{answer.url}: {answer.status_code} {answer.text[:200]}")
        found: dict[str, Any] = answer.json()
        return found

    async def _spread(self) -> None:
        """Not all who look begin in the same moment."""
        await self._until_then(0.0 if self.crowd.alone else random.uniform(0, LEAST_SECONDS))

    async def _pause(self, seconds: float) -> None:
        jittered = seconds * random.uniform(0.75, 1.25)
        await self._until_then(STEADY_SECONDS if self.crowd.alone else jittered)

    async def _until_then(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, min(seconds, self.until - time.monotonic())))

    def _address(self) -> str:
        return f"/api/exports/{self.export}/"

    def _fragment(self) -> str:
        return f"/admin/exportapp/exportjob/{self.export}/part/job/?seen={self.state}"
