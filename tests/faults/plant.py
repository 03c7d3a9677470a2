"""A house at work: RQ workers, a cron, a person who asks, and the oracle over what they make."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from exportapp.states import ACTIVE, JOB_EDGES, JobState
from tests.faults import points
from tests.faults.ledger import illegal, open_ledger, read_ledger
from tests.faults.watchman import ASK
from tests.house import House, Worker, wait_for
from tests.oracle import Row, compare, data_rows, sheet_parts

SMALL: dict[str, Any] = {
    "EXPORTAPP_SHARD_ROWS": 50,
    "EXPORTAPP_BATCH_ROWS": 10,
    "EXPORTAPP_BEAT_SECONDS": 0.001,
}
"""Many shards of many batches, each of which reports: as many moments as can be had."""

ORDERED = "SELECT number FROM shop_order ORDER BY created_at DESC, id DESC"


@dataclass
class Plant:
    house: House
    settings: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    _watchman: Worker | None = None

    def __post_init__(self) -> None:
        self.faults.mkdir()
        sqlite = self.house.database_url.startswith("sqlite")
        open_ledger(self.house.rows, sqlite=sqlite)
        apps = {"INSTALLED_APPS": [*settings.INSTALLED_APPS, "tests.faults"]}
        self.env[points.FOLDER] = str(self.faults)
        self.env["TEST_SETTINGS"] = json.dumps(apps | SMALL | self.settings)

    @property
    def faults(self) -> Path:
        return self.house.folder / "faults"

    @property
    def _ask(self) -> Path:
        return self.house.folder / "ask"

    def hire(self, number: int = 2) -> list[Worker]:
        """Have exactly `number` workers, all of which listen when this returns."""
        alive = [worker for worker in self.workers if worker.alive]
        self.workers = alive[:number]
        for surplus in alive[number:]:
            surplus.terminate()
            surplus.wait()
        new = [self.begin_worker() for _ in range(number - len(self.workers))]
        for worker in new:
            wait_for(lambda w=worker: "Listening on" in w.log() or not w.alive)
            assert worker.alive, (worker.wait(), worker.log())
        return self.workers

    def begin_worker(self, **env: str) -> Worker:
        """A worker that listens some time later."""
        quiet = {"REDIS_RETRIES": "60", "LOG_LEVEL": "WARNING"}
        worker = self.house.start("rqworker", "exports", **self.env | quiet | env)
        self.workers.append(worker)
        return worker

    def watch(self, **env: str) -> Worker:
        """Start the cron, which is also who asks. Faults strike workers only."""
        code = "from tests.faults.watchman import watch; watch()"
        own = {ASK: str(self._ask), points.FOLDER: str(self.house.folder / "none")}
        self._watchman = self.house.start(
            "shell", "--no-imports", "-c", code, **self.env | own | env
        )
        return self._watchman

    def ask(self) -> str:
        """Have an export made by the workers; the watchman must be there."""
        assert self._watchman, "nobody is there to ask"
        watchman, before = self._watchman, set(self.jobs())
        self._ask.touch()
        wait_for(
            lambda: set(self.jobs()) - before or not watchman.alive,
            what="the export is asked for",
        )
        assert watchman.alive, watchman.log()
        (job,) = set(self.jobs()) - before
        return job

    def ask_at_once(self) -> str:
        """Have an export made by the workers; nobody else need be there."""
        done = self.house.manage("export_excel", "shop.Order", "--queue", **self.env)
        assert done.returncode == 0, done.stderr
        return self.jobs()[-1]

    def arm(
        self,
        point: str,
        nth: int = 1,
        number: signal.Signals = signal.SIGKILL,
        whom: points.Whom = "self",
    ) -> None:
        points.arm(self.faults, point, nth, number, whom)

    def disarm(self) -> None:
        """Take all faults away, and forget whom they struck."""
        for path in self.faults.glob("*.SIG*"):
            path.unlink(missing_ok=True)
        # Only now: until then a victim may have been quicker.
        points.take_struck(self.faults)

    def freeze(self, point: str, nth: int = 1) -> tuple[str, int]:
        """An export and the process that stands still at this point of it, until SIGCONT."""
        self.arm(point, nth, signal.SIGSTOP)
        job = self.ask()
        return job, self.wait_for_victim()

    def resume(self, job: str) -> None:
        """As a person does once the cause of a failure is mended."""
        done = self.house.manage("export_excel", "--resume", job, "--queue", **self.env)
        assert done.returncode == 0, done.stderr

    def wait_for_victim(self) -> int:
        """The process that passes the point of all faults there are."""
        wait_for(lambda: not points.armed(self.faults), what="the faults strike")
        (pid,) = points.struck(self.faults)
        return pid

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

    def holders(self) -> set[int]:
        """Process ids of those who hold a lease, as the tables have it."""
        held = "SELECT worker FROM {} WHERE lease_until IS NOT NULL"
        tables = ("exportapp_exportjob", "exportapp_exportshard")
        names = [row[0] for table in tables for row in self.house.rows(held.format(table))]
        return {int(name.split("/")[-2]) for name in names}

    def wait_until_ended(self, job: str, timeout: float = 60) -> str:
        """The state that the job ends in, once its files are cleaned up."""
        wait_for(lambda: self.is_over(job), timeout, f"export {job} ends; {self.house.folder}")
        return self.state(job)

    def is_over(self, job: str) -> bool:
        """Whether nobody works on it any more, nor cleans up after it."""
        sql = "SELECT status, cleaned_at FROM exportapp_exportjob WHERE id = %s"
        ((state, cleaned),) = self.house.rows(sql, [job])
        return state not in ACTIVE and (state != JobState.SUCCEEDED or cleaned is not None)

    def require_right(self, job: str) -> Path:
        """The export is there, equal to an undisturbed one, and nothing else is left of it."""
        assert self.state(job) == JobState.SUCCEEDED, (self.state(job), self.error(job))
        file = self.file(job)
        parts, rows = self.undisturbed
        lost, doubled = compare(data_rows(file), rows)
        assert (lost, doubled) == ([], [])
        assert data_rows(file) == rows
        assert sheet_parts(file) == parts
        # A worker that is stale but alive takes its file away itself.
        left = sorted(path.name for path in file.parent.iterdir())
        wait_for(lambda: [path.name for path in file.parent.iterdir()] == [file.name], 5, f"{left}")
        assert self.holders() == set()
        # Whoever made the last move may have died right after it.
        told = JOB_EDGES[JobState.MERGING][JobState.SUCCEEDED]
        assert self.events(job, "moved")[-1][2] == told
        assert illegal(read_ledger(self.house.rows)) == []
        active = ", ".join(f"'{state}'" for state in ACTIVE)
        left = f"SELECT id FROM exportapp_exportjob WHERE status IN ({active})"
        assert self.house.rows(left) == []
        return file

    def error(self, job: str) -> str:
        sql = "SELECT error FROM exportapp_exportjob WHERE id = %s"
        return str(self.house.rows(sql, [job])[0][0])

    def folder(self, job: str) -> Path:
        return self.house.exports / str(uuid.UUID(job))

    def require_tidy(self, job: str) -> None:
        """Nobody holds a piece, and there are no files but those that are committed."""
        assert self.holders() == set()
        sql = "SELECT {} FROM exportapp_export{} WHERE job_id = %s"
        sources = [("arrow_path", "shard"), ("xlsx_path", "shard"), ("path", "file")]
        found = [row for source in sources for row in self.house.rows(sql.format(*source), [job])]
        kept = {self.house.exports / path for (path,) in found if path}
        assert set(self.folder(job).iterdir()) == kept

    def file(self, job: str) -> Path:
        sql = "SELECT path FROM exportapp_exportfile WHERE job_id = %s"
        ((path,),) = self.house.rows(sql, [job])
        return self.house.exports / path

    @cached_property
    def undisturbed(self) -> tuple[dict[str, bytes], list[Row]]:
        """Sheet parts and rows of an export that one process made in one piece."""
        target = self.house.folder / "undisturbed.xlsx"
        done = self.house.manage("export_excel", "shop.Order", "-o", str(target))
        assert done.returncode == 0, done.stderr
        rows = data_rows(target)
        assert [(row[0],) for row in rows] == self.house.rows(ORDERED)
        return sheet_parts(target), rows


def is_alive(pid: int) -> bool:
    """Whether the process runs, or could run again; a zombie cannot."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Send a process of the plant a signal; False when it is gone by itself."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def lease_of(plant: Plant, pid: int) -> object:
    """Until when the process holds its piece."""
    for table in ("exportapp_exportjob", "exportapp_exportshard"):
        sql = f"SELECT lease_until FROM {table} WHERE worker LIKE %s AND lease_until IS NOT NULL"
        for (until,) in plant.house.rows(sql, [f"%/{pid}/%"]):
            return until
    raise AssertionError(f"{pid} holds nothing")
