"""One moment of a PostgreSQL database, held by one process and seen by many.

Source: PostgreSQL documentation, "Snapshot Synchronization Functions" and SET TRANSACTION. A
snapshot can be taken over as long as the transaction that exported it is open, and no longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from django.db import Error, connections

from exportapp.exceptions import SnapshotLost
from exportapp.tables.selection import Viewer

BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
EXPORT: Final = "SELECT pg_export_snapshot() || '/' || md5(pg_current_snapshot()::text)"
"""After a restart the server gives the same names again: what a snapshot holds tells it apart."""
SAME: Final = "SELECT md5(pg_current_snapshot()::text)"

UNKNOWN: Final = ("42704", "22023", "55000")
"""SQLSTATEs of a snapshot that is not there: undefined object (from PostgreSQL 16 on), invalid
parameter value (before), and a transaction that ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Held:
    """A snapshot that this process keeps open."""

    name: str
    connection: Any

    def require(self) -> None:
        """Raises SnapshotLost when the transaction is gone, and with it the snapshot."""
        try:
            _ask(self.connection, "SELECT 1")
        except Error as error:
            raise SnapshotLost(f"The connection that held the snapshot is gone: {error}") from error


@contextmanager
def held(alias: str, seconds: float) -> Iterator[Held]:
    """Export a snapshot of the database `alias` and keep it open.

    The server ends the session when nothing is asked in it for `seconds`: a process that was
    frozen must not keep VACUUM waiting for ever.
    """
    with _connected(alias) as connection:
        _begin(connection)
        _may_idle(connection, seconds)
        name = _ask(connection, EXPORT)
        with connection.execute_wrapper(_undone_on_error):
            yield Held(name, connection)


@contextmanager
def joined(alias: str, name: str, seconds: float) -> Iterator[Any]:
    """A connection whose transaction sees the snapshot `name`; it may be idle for `seconds`.

    Raises SnapshotLost.
    """
    with _connected(alias) as connection:
        take_over(name, connection)
        # While a COPY beside it sorts, nothing may be asked here for longer than a server allows.
        _may_idle(connection, seconds)
        with connection.execute_wrapper(_undone_on_error):
            yield connection


def take_over(name: str, connection: Any) -> None:
    """Begin a transaction at the snapshot. Raises SnapshotLost when nobody holds it any more."""
    _begin(connection)
    known, _, content = name.partition("/")
    try:
        # SET takes no parameters; what we stored are hexadecimal digits and dashes.
        _ask(connection, f"SET TRANSACTION SNAPSHOT '{known}'")
    except Error as error:
        if getattr(error.__cause__, "sqlstate", None) in UNKNOWN:
            raise SnapshotLost(f"The snapshot is gone: {error}") from error
        raise
    if _ask(connection, SAME) != content:
        raise SnapshotLost(f"The name {known} stands for another snapshot now.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerAt(Viewer):
    """The same eyes, at the moment that `connection` sees."""

    connection: Any

    @classmethod
    def of(cls, viewer: Viewer, connection: Any) -> ViewerAt:
        return cls(
            user=viewer.user,
            language=viewer.language,
            time_zone=viewer.time_zone,
            connection=connection,
        )

    @contextmanager
    def active(self) -> Iterator[None]:
        """Whatever is read from this database in here, by a function of a column too, is seen as
        it was at that moment. Leases and rights are asked for outside."""
        with Viewer.active(self), _in_place(self.connection):
            yield


@contextmanager
def _in_place(connection: Any) -> Iterator[None]:
    usual = connections[connection.alias]
    connections[connection.alias] = connection
    try:
        yield
    finally:
        connections[connection.alias] = usual


@contextmanager
def _connected(alias: str) -> Iterator[Any]:
    connection: Any = connections[alias].copy()
    with closing(connection):
        connection.ensure_connection()
        yield connection


def _begin(connection: Any) -> None:
    connection.set_autocommit(False)
    _ask(connection, BEGIN)


def _may_idle(connection: Any, seconds: float) -> None:
    milliseconds = max(1, round(seconds * 1000))
    _ask(connection, f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")


def _undone_on_error(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """A function of a column may meet an error and go on: the transaction has to outlive it."""
    connection = context["connection"]
    # Not through Django's cursor, which would come by here again.
    with connection.connection.cursor() as plain:
        plain.execute("SAVEPOINT export_statement")
        try:
            result = execute(sql, params, many, context)
        except Exception:
            # The connection may be what failed.
            with suppress(connection.Database.Error):
                plain.execute("ROLLBACK TO SAVEPOINT export_statement")
            raise
        plain.execute("RELEASE SAVEPOINT export_statement")
    return result


def _ask(connection: Any, sql: str) -> Any:
    """The one value that a statement returns, or None."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None
