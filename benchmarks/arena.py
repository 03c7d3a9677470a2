"""The servers, the rows and the workers that every contender finds alike."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import psutil
import psycopg

from benchmarks import verify
from benchmarks.contenders import LIMIT, Contender
from benchmarks.seeding import COLUMNS, SALES, TABLE, Table, seed, some
from project.demo.valkey import Valkey, free_port
from tests.house import House, wait_for
from tests.services import Postgres
from tests.worker import Worker

DATABASE = "bench"
IDLE_SECONDS = 20
QUEUE = "rq:queue:exports"


@dataclass(slots=True)
class Arena:
    house: House
    postmaster: int
    """The process id of the PostgreSQL server."""
    psql: Path
    rows: int = 0
    _filled: dict[str, int] = field(default_factory=dict)
    _digests: dict[int, verify.Digests] = field(default_factory=dict)

    def grow(self, rows: int, table: Table = SALES) -> None:
        """Fill the table up to `rows`, which is then what contenders write."""
        have = self._filled.get(table.name, 0)
        seed(self.house.database_url, rows, have=have, table=table)
        self._filled[table.name] = self.rows = rows

    def digests(self, rows: int) -> verify.Digests:
        """What a file of the first `rows` rows must hold, by the database's own word."""
        if rows not in self._digests:
            text = BytesIO()
            with psycopg.connect(self.house.database_url) as connection:
                statement = f"COPY ({some(rows)}) TO STDOUT (FORMAT csv)"
                with connection.cursor() as cursor, cursor.copy(statement) as data:
                    for block in data:
                        text.write(block)
            self._digests[rows] = verify.digests(verify.csv_frame(text.getvalue()))
        return self._digests[rows]

    def command(self, contender: Contender, output: Path) -> list[str]:
        """What to run to have `contender` write its rows to `output`."""
        if contender == LIMIT:
            copy = f"\\copy {TABLE} ({', '.join(COLUMNS)}) TO '{output}' (FORMAT csv)"
            return [str(self.psql), "--quiet", "--no-psqlrc", "-c", copy, self._libpq_url]
        words = ["-m", "benchmarks.contender", contender.key, str(output)]
        return [sys.executable, *words, str(contender.rows(self.rows))]

    @contextlib.contextmanager
    def workers(self, count: int, **env: str) -> Iterator[list[Worker]]:
        """RQ workers that listen and have nothing to do; ended when the block is left."""
        workers = [self.house.start_worker(**env) for _ in range(count)]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()
                self.house.workers.remove(worker)

    def rest(self, workers: Sequence[Worker]) -> None:
        """Return when the queue is empty and no work-horse is left. Raises AssertionError."""
        redis = self.house.redis()
        wait_for(
            lambda: not redis.llen(QUEUE) and not any(worker.horses for worker in workers),
            IDLE_SECONDS,
            what="the workers are idle again",
        )

    def sweep(self) -> None:
        """Remove what exports left, so that the disk is as empty for the next."""
        shutil.rmtree(self.house.exports, ignore_errors=True)

    @property
    def _libpq_url(self) -> str:
        return self.house.database_url.replace("postgres://", "postgresql://", 1)


@contextlib.contextmanager
def build(postgres: Postgres) -> Iterator[Arena]:
    """A migrated database of its own on `postgres`, with no rows yet, and a Valkey of its own."""
    folder = Path(tempfile.mkdtemp(prefix="exportapp-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = postgres.create(DATABASE)
        stack.callback(postgres.drop, DATABASE)
        house = House(folder, url, Valkey(folder / "valkey", free_port()).start(), warm=False)
        stack.callback(house.end)
        house.env |= {
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "DEBUG": "0",
            "SECRET_KEY": "only-for-benchmarks",
            "LOG_LEVEL": "WARNING",
        }
        migrated = house.manage("migrate", "--run-syncdb", "--verbosity", "0")
        if migrated.returncode:
            raise RuntimeError(migrated.stderr)
        # psql of the same build as the server, whatever else is on the machine.
        ((programs,),) = house.rows("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        yield Arena(house, _postmaster(postgres), Path(programs) / "psql")


def _postmaster(postgres: Postgres) -> int:
    with postgres.connect(DATABASE) as connection:
        return int(psutil.Process(connection.info.backend_pid).ppid())
