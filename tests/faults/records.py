"""What the tables of a house say of its exports, and where their files are."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exportapp.states import ACTIVE, JobState
from tests.house import House


@dataclass
class Records:
    house: House

    def jobs(self) -> list[str]:
        found = self.house.rows("SELECT id FROM exportapp_exportjob ORDER BY created_at")
        return [str(job) for (job,) in found]

    def state(self, job: str) -> str:
        ((state,),) = self.house.rows("SELECT status FROM exportapp_exportjob WHERE id = %s", [job])
        return str(state)

    def count(self, job: str, state: str) -> int:
        """Shards of the job in this state."""
        sql = "SELECT count(*) FROM exportapp_exportshard WHERE job_id = %s AND status = %s"
        return int(self.house.rows(sql, [job, state])[0][0])

    def events(self, job: str, kind: str) -> list[tuple[Any, ...]]:
        """Worker, shard, message and moment of the job's events of this kind."""
        sql = "SELECT worker, shard, message, at FROM exportapp_exportevent"
        return self.house.rows(f"{sql} WHERE job_id = %s AND kind = %s ORDER BY id", [job, kind])

    def made(self, job: str, kind: str) -> Counter[int]:
        """How often each shard of the job was extracted or rendered."""
        return Counter(int(shard) for _, shard, *_ in self.events(job, kind))

    def is_over(self, job: str) -> bool:
        """Whether nobody works on it any more, nor cleans up after it."""
        sql = "SELECT status, cleaned_at FROM exportapp_exportjob WHERE id = %s"
        ((state, cleaned),) = self.house.rows(sql, [job])
        return state not in ACTIVE and (state != JobState.SUCCEEDED or cleaned is not None)

    def error(self, job: str) -> str:
        sql = "SELECT error FROM exportapp_exportjob WHERE id = %s"
        return str(self.house.rows(sql, [job])[0][0])

    def folder(self, job: str) -> Path:
        return self.house.exports / str(uuid.UUID(job))

    def file(self, job: str) -> Path:
        sql = "SELECT path FROM exportapp_exportfile WHERE job_id = %s"
        ((path,),) = self.house.rows(sql, [job])
        return self.house.exports / path
