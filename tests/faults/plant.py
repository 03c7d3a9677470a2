"""A house at work: RQ workers, a cron, a person who asks, and the oracle over what they make."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from exportapp.states import ACTIVE, JobState
from project.demo.valkey import server_pid
from tests.faults import points
from tests.faults.apps import AWAY, OBEDIENT
from tests.faults.ledger import open_ledger
from tests.faults.processes import kill, listening
from tests.faults.records import Records
from tests.faults.watchman import ASK
from tests.house import wait_for
from tests.nursery import Nursery
from tests.worker import Worker

SMALL: dict[str, Any] = {
    "EXPORTAPP_SHARD_ROWS": 50,
    "EXPORTAPP_BATCH_ROWS": 10,
    "EXPORTAPP_BEAT_SECONDS": 0.001,
}
"""Many shards of many batches, each of which reports: as many moments as can be had."""

PATIENT: Final = {"REDIS_RETRIES": "60", "LOG_LEVEL": "WARNING"}

READ_LATE: Final = {points.FOLDER, points.DELIVERIES, points.CLOCK, AWAY, OBEDIENT, ASK}
"""Variables that settings do not see, so that they need no nursery of their own."""

ORDERED = "SELECT number FROM shop_order ORDER BY created_at DESC, id DESC"


@dataclass
class Plant(Records):
    orders: int
    settings: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    _nurseries: dict[str, Nursery] = field(default_factory=dict)
    _watchman: Worker | None = None
    _watching: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.faults.mkdir()
        self.asked = self.house.folder / "ask"
        open_ledger(self.house.rows, sqlite=self.on_sqlite)
        apps = {"INSTALLED_APPS": [*settings.INSTALLED_APPS, "tests.faults"]}
        self.env[points.FOLDER] = str(self.faults)
        self.env["TEST_SETTINGS"] = json.dumps(apps | SMALL | self.settings)

    @property
    def on_sqlite(self) -> bool:
        return self.house.database_url.startswith("sqlite")

    @property
    def faults(self) -> Path:
        return self.house.folder / "faults"

    def start(self, *args: str, **env: str) -> Worker:
        """Run `manage.py` beside the test, with the faults of the plant in it."""
        env = self.env | PATIENT | env
        return self._nursery(env).start(*args, env=env)

    def manage(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """The same to the end."""
        env = self.env | PATIENT | env
        done = self._nursery(env).run(*args, env=env)
        assert done.returncode == 0, done.stderr
        return done

    def hire(self, number: int = 2) -> list[Worker]:
        """Have exactly `number` workers, all of which listen when this returns."""
        alive = [worker for worker in self.workers if worker.alive]
        self.workers = alive[:number]
        for surplus in alive[number:]:
            surplus.terminate()
        for surplus in alive[number:]:
            surplus.wait()
        for worker in [self.begin_worker() for _ in range(number - len(self.workers))]:
            listening(worker)
        return self.workers

    def begin_worker(self, **env: str) -> Worker:
        """A worker that listens some time later."""
        self.workers.append(self.start("rqworker", "exports", **env))
        return self.workers[-1]

    def watch(self, **env: str) -> Worker:
        """Start the cron, which is also who asks. Faults strike workers only."""
        code = "from tests.faults.watchman import watch; watch()"
        own = {ASK: str(self.asked), points.FOLDER: str(self.house.folder / "none")}
        if self._watchman:
            self._watchman.kill()
        self._watching = env
        self._watchman = self.start("shell", "--no-imports", "-c", code, **own | env)
        return self._watchman

    def start_afresh(self) -> None:
        """After a failed test: nobody is left of it, frozen or at work, and nothing to be done."""
        self._end_everybody()
        self.disarm()
        self.asked.unlink(missing_ok=True)
        if server_pid(self.house.valkey.url) is None:
            self.house.valkey.kill()
            self.house.valkey.start()
        self.house.redis().config_set("maxmemory", 0)
        self.house.redis().flushall()
        unheld = "lease_until = NULL, worker = ''"
        active = ", ".join(f"'{state}'" for state in ACTIVE)
        self.house.rows(
            f"UPDATE exportapp_exportjob SET status = '{JobState.CANCELLED}', {unheld}"
            f" WHERE status IN ({active})"
        )
        self.house.rows(f"UPDATE exportapp_exportshard SET {unheld}")
        self.house.rows("DELETE FROM fault_ledger")
        if self._watchman:
            self.watch(**self._watching)

    def _end_everybody(self) -> None:
        for process in self.house.processes():
            kill(process.pid)
        wait_for(lambda: not self.house.processes(), what="nobody is left")
        for worker in self.house.workers:
            worker.wait()
        self.workers.clear()
        self.house.workers.clear()
        self._nurseries.clear()

    def _nursery(self, env: dict[str, str]) -> Nursery:
        """Where those are forked whose settings see this environment."""
        seen = {name: env[name] for name in sorted(env.keys() - READ_LATE)}
        key = json.dumps(seen)
        if key not in self._nurseries:
            self._nurseries[key] = Nursery(self.house, seen)
        return self._nurseries[key]

    def ask(self) -> str:
        """Have an export made by the workers; the watchman must be there."""
        assert self._watchman, "nobody is there to ask"
        watchman, before = self._watchman, set(self.jobs())
        self.asked.touch()
        wait_for(
            lambda: set(self.jobs()) - before or not watchman.alive,
            what="the export is asked for",
        )
        assert watchman.alive, watchman.log()
        (job,) = set(self.jobs()) - before
        return job

    def ask_at_once(self) -> str:
        """Have an export made by the workers; nobody else need be there."""
        self.manage("export_excel", "shop.Order", "--queue")
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
        self.manage("export_excel", "--resume", job, "--queue")

    def wait_for_victim(self) -> int:
        """The process that passes the point of all faults there are."""
        wait_for(lambda: not points.armed(self.faults), what="the faults strike")
        (pid,) = points.struck(self.faults)
        return pid

    def wait_until_ended(self, job: str, timeout: float = 120) -> str:
        """The state that the job ends in, once its files are cleaned up."""
        try:
            wait_for(lambda: self.is_over(job), timeout, f"export {job} ends")
        except AssertionError as error:
            error.add_note(self._story(job))
            raise
        return self.state(job)

    def _story(self, job: str) -> str:
        """The last that is known of an export that does not end."""
        events = "SELECT at, kind, shard, worker, message FROM exportapp_exportevent"
        told = self.house.rows(f"{events} WHERE job_id = %s ORDER BY id DESC LIMIT 9", [job])
        logs = [worker.log()[-900:] for worker in self.workers]
        return "\n".join([self.state(job), *map(str, told), *logs])
