"""How far an export is: anchors in Redis, read in one call and rebuilt from the database.

Keys, all with a time to live that every heartbeat renews:

export:{id}:progress   hash: status, current_chunk, total_chunks, rows_extracted, rows_rendered,
                       rows_total, bytes, rate, last_updated, fence, control, started
export:{id}:rate       hash: what the smoothed rate is made of; begins anew when a job is resumed
export:{id}:shards     hash: the newest fence and the rows in flight of each shard
export:{id}:done       set of rendered shard numbers
export:{id}:seq        counter of commits, published on channel export:{id}
export:request:{key}   the job that a request made, for a double click

Losing them loses nothing, and no export fails because Redis is away: every method answers None
then, and the caller asks the database.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from django_redis import get_redis_connection

from exportapp.conf import conf
from exportapp.jobs.away import AWAY, OF_ANCHORS
from exportapp.models import ExportJob, ExportShard
from exportapp.models.shard import COUNTED, counted
from exportapp.states import WORKING, JobState, ShardState

log = logging.getLogger("exportapp")

LUA = Path(__file__).with_name("anchors.lua").read_text()

KEYS: Final = ("progress", "shards", "done", "seq", "rate")

OF_JOB: Final = ("status", "fence", "started_at", "created_at")
"""What the anchors have of the job's own row."""

_behind: set[Any] = set()
"""Jobs whose anchors may have missed something while Redis was away."""

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the anchor says to a sign of life."""

    stale: bool
    control: str


def control_word(status: str) -> str:
    """What workers should do about a job in this state: '', 'pause', 'cancel' or 'stop'."""
    words = {JobState.PAUSING: "pause", JobState.CANCELLING: "cancel"}
    state = JobState(status)
    return "" if state in WORKING else words.get(state, "stop")


def if_there(method: Method) -> Method:
    """Answer None when Redis is away, and leave it alone for a while."""

    @functools.wraps(method)
    def guarded(self: Anchors, *args: Any, **kwargs: Any) -> Any:
        if OF_ANCHORS:
            _behind.add(self.job_id)
            return None
        try:
            if self.job_id in _behind:
                # What came back is as old as its disk, or another server.
                self._rebuild()
                _behind.discard(self.job_id)
            return method(self, *args, **kwargs)
        except AWAY as error:
            OF_ANCHORS.begin()
            _behind.add(self.job_id)
            log.warning("export %s: no live progress: %s", self.job_id, error)
            return None

    return cast(Method, guarded)


class Anchors:
    """The anchors of one job."""

    def __init__(self, job_id: Any) -> None:
        self.job_id = job_id
        self.channel = f"export:{job_id}"
        self.keys = [f"{self.channel}:{name}" for name in KEYS]

    @if_there
    def beat(
        self, phase: str, rows: int, *, shard: ExportShard | None, fence: int, done: bool = False
    ) -> Answer | None:
        """Write `rows` done of a piece unless a newer fence is known, and read the control word."""
        piece = str(shard.number) if shard else "job"
        size = shard.xlsx_size if shard else 0
        arguments = [piece, fence, phase, rows, size, conf.ANCHOR_TTL, self.channel, int(done)]
        for _ in range(2):
            written, control = self._script(keys=self.keys, args=arguments)
            if written != 2:
                return Answer(stale=not written, control=control.decode())
            self._rebuild()
        return None

    @if_there
    def show(self, **fields: Any) -> None:
        """Set fields that only the job's own moves change, and tell listeners."""
        progress, seq = self.keys[0], self.keys[3]
        # Half an anchor would pass for a whole one; and a worker that is gone may have missed
        # what nobody else knows of.
        self._rebuild()
        pipeline = self._redis.pipeline()
        pipeline.hset(progress, mapping={name: str(value) for name, value in fields.items()})
        pipeline.hset(progress, "last_updated", f"{time.time():.3f}")
        if fields.get("status") == JobState.QUEUED:
            # The time in which nobody was to work on it says nothing of how fast it goes.
            pipeline.hset(progress, "rate", "0")
            pipeline.delete(self.keys[4])
        pipeline.incr(seq)
        number = len(pipeline) - 1
        for key in self.keys:
            pipeline.expire(key, conf.ANCHOR_TTL)
        self._redis.publish(self.channel, pipeline.execute()[number])

    @if_there
    def read(self) -> dict[str, str] | None:
        """The progress hash; empty when there is none."""
        found = self._redis.hgetall(self.keys[0])
        return {name.decode(): value.decode() for name, value in found.items()}

    @if_there
    def rebuild(self) -> None:
        """Write the anchors anew from what the database has committed."""
        self._rebuild()

    @if_there
    def remember_request(self, key: str) -> None:
        """Keep this job for request `key`, if it is the first; that it is alone is not decided
        here, but by the database."""
        name = f"export:request:{key}"
        self._redis.set(name, str(self.job_id), nx=True, ex=conf.ANCHOR_TTL)

    def _rebuild(self) -> None:
        job = ExportJob.objects.only(*OF_JOB).get(pk=self.job_id)
        found = ExportShard.objects.filter(job=job).order_by()
        shards = list(found.only("number", "fence", *COUNTED))
        started = (job.started_at or job.created_at).timestamp()
        fields: dict[str, Any] = counted(shards)
        del fields["rows_planned"]
        fields |= {
            "status": job.status,
            "control": control_word(job.status),
            "started": started,
            "rate": 0,
            "last_updated": f"{time.time():.3f}",
            "fence": job.fence,
        }
        pipeline = self._redis.pipeline()
        # A new phase does not begin at a rate of nothing.
        pipeline.hdel(self.keys[0], *(fields.keys() - {"rate"}))
        pipeline.delete(*self.keys[1:3])
        for name, value in fields.items():
            # Whoever rebuilds at the same moment reads the same rows: the first is as good.
            pipeline.hsetnx(self.keys[0], name, str(value))
        live: dict[str, int] = {}
        done = []
        for shard in shards:
            number = shard.number
            live[f"{number}:fence"] = shard.fence
            live[f"{number}:extracted"] = shard.rows_extracted or 0
            if shard.state == ShardState.RENDERED:
                live[f"{number}:rendered"] = shard.rows_rendered or 0
                done.append(number)
        if live:
            pipeline.hset(self.keys[1], mapping=live)
        if done:
            pipeline.sadd(self.keys[2], *done)
        for key in self.keys:
            pipeline.expire(key, conf.ANCHOR_TTL)
        pipeline.execute()

    @functools.cached_property
    def _redis(self) -> Any:
        return get_redis_connection(conf.CACHE)

    @functools.cached_property
    def _script(self) -> Any:
        return self._redis.register_script(LUA)
