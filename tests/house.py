"""A whole installation for one end-to-end test: database, Valkey, files and real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import psutil
import psycopg
from redis import Redis

from project.demo.valkey import Valkey, free_port
from tests.leftovers import marked, writing_to
from tests.services import services
from tests.worker import Worker

if TYPE_CHECKING:
    from tests.nursery import Nursery

ROOT = Path(__file__).resolve().parents[1]
MARK = "EXPORTAPP_HOUSE"
"""In the environment that every program of a house is started with, so that orphans are found."""

Database = Literal["postgresql", "sqlite"]
T = TypeVar("T")


def wait_for(predicate: Callable[[], T], timeout: float = 60, what: str = "") -> T:
    """Poll until `predicate` returns something true and return that.

    Raises AssertionError after `timeout` seconds, with `what` and the last value.
    """
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            waited_for = what or getattr(predicate, "__name__", "the condition")
            raise AssertionError(f"Not within {timeout} s: {waited_for}. Last value: {value!r}.")
        time.sleep(0.02)
    return value


@dataclass
class House:
    """`python manage.py …` against servers that no other test uses.

    `folder` holds the logs, the exports and, on SQLite, the database.
    """

    folder: Path
    database_url: str
    valkey: Valkey
    env: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    warm: bool = True
    """Whether commands are forked from a process that has imported everything."""
    _nurseries: dict[str, Nursery] = field(default_factory=dict)
    _connection: psycopg.Connection | None = None

    def __post_init__(self) -> None:
        self.env = os.environ | {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.valkey.url,
            "EXPORTAPP_DIR": str(self.exports),
            MARK: str(self.folder),
        }

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    def command(self, *args: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *args]

    def manage(
        self, *args: str, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; stdout and stderr are text, the exit code is for the test to judge."""
        if self.warm:
            return self._nursery(env).run(*args, env=env, timeout=timeout)
        return subprocess.run(
            self.command(*args),
            cwd=ROOT,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *args: str, **env: str) -> Worker:
        """Run beside the test, output to a log; ended with the house."""
        if self.warm:
            return self._nursery(env).start(*args, env=env)
        return self.start_fresh(*args, **env)

    def start_fresh(self, *args: str, **env: str) -> Worker:
        """The same in a Python of its own, which imports everything first."""
        log = self.folder / f"{args[0]}-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*args),
                cwd=ROOT,
                env=self.env | env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    def start_worker(self, **env: str) -> Worker:
        """An RQ worker on the queue of the exports, listening when this returns."""
        worker = self.start(
            "rqworker", "exports", **{"REDIS_RETRIES": "60", "LOG_LEVEL": "INFO"} | env
        )
        wait_for(
            lambda: "Listening on" in worker.log() or not worker.alive,
            what=f"the worker listens; its log is at {self.folder}",
        )
        assert worker.alive, worker.log()
        return worker

    def redis(self, db: int = 0) -> Redis:
        """A client of its Valkey; 0 has the queues, 1 the anchors."""
        return Redis(host="127.0.0.1", port=self.valkey.port, db=db)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement returns in its database; `%s` marks the parameters."""
        if urlsplit(self.database_url).scheme == "sqlite":
            connection = sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=30)
            try:
                with connection:
                    return connection.execute(sql.replace("%s", "?"), params).fetchall()
            finally:
                connection.close()
        cursor = self._connected().execute(sql, params)
        return cursor.fetchall() if cursor.description else []

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this house, orphans too."""
        # Those that were forked have the environment of another, but they write to a log of ours.
        forked = writing_to(self.folder, but=self.valkey.folder)
        return list({*marked(MARK, str(self.folder)), *forked})

    def end(self) -> None:
        """End its processes, politely first."""
        for process in self.processes():
            _signal(process, signal.SIGCONT)
            _signal(process, signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(5)
            except subprocess.TimeoutExpired:
                worker.kill()
        for process in self.processes():
            _signal(process, signal.SIGKILL)
        # Not psutil's wait: an orphan may stay a zombie until init looks after it.
        wait_for(lambda: not self.processes(), what=f"{self.folder} is empty of processes")
        if self._connection:
            self._connection.close()
        self.valkey.stop()

    def _nursery(self, env: dict[str, str]) -> Nursery:
        """Settings are read before anything is forked: a nursery for each environment."""
        from tests.nursery import Nursery

        key = json.dumps(env, sort_keys=True)
        if key not in self._nurseries or not self._nurseries[key].alive:
            self._nurseries[key] = Nursery(self, env)
        return self._nurseries[key]

    def _connected(self) -> psycopg.Connection:
        """The one connection, whose server answers: tests look at the tables again and again."""
        try:
            if self._connection:
                self._connection.execute("")
        except psycopg.OperationalError:
            self._connection = None
        self._connection = self._connection or psycopg.connect(self.database_url, autocommit=True)
        return self._connection


class Builder:
    """Makes houses; a database with n orders is seeded once and copied from then on."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count(1)
        self._templates: dict[tuple[Database, int], str] = {}

    def build(self, *, orders: int, database: Database) -> House:
        template = self._templates.get((database, orders)) or self._template(database, orders)
        number = next(self._numbers)
        folder = self._folder / f"house-{number}"
        valkey = Valkey(folder / "valkey", free_port()).start()
        return House(folder, self._database(f"house_{number}", database, template), valkey)

    def demolish(self, house: House) -> None:
        house.end()
        if house.database_url.startswith("postgres"):
            services.postgres.drop(urlsplit(house.database_url).path[1:])
        shutil.rmtree(house.folder)

    def _template(self, database: Database, orders: int) -> str:
        from tests.nursery import cradle

        name = f"template_{database}_{orders}"
        empty = orders and (self._templates.get((database, 0)) or self._template(database, 0))
        url = self._database(name, database, empty or None)
        house = House(self._folder / name, url, services.valkey)
        made = ("seed_shop", "--orders", str(orders)) if orders else ("migrate", "--run-syncdb")
        done = cradle().run(*made, "--verbosity", "0", env=house.env)
        assert done.returncode == 0, done.stderr
        return self._templates.setdefault((database, orders), name)

    def _database(self, name: str, database: Database, template: str | None = None) -> str:
        if database == "postgresql":
            return services.postgres.create(name, template or "template1")
        path = self._folder / f"{name}.sqlite3"
        if template:
            shutil.copyfile(self._folder / f"{template}.sqlite3", path)
        return f"sqlite:///{path}"


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
