"""The text of a COPY in blocks of records, on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from typing import Any, Final

from django.db import OperationalError, connections
from typing_extensions import Buffer

from exportapp.exceptions import ExportError
from exportapp.tables.wire import FRAME, CopyOut, ServerError, borrowed, is_plain_socket


class NotPlain(Exception):
    """COPY cannot give these rows: a value that only the orm reader can judge, no connection."""


CANCEL_SECONDS: Final = 2.0
"""How long a server may take to hear that its query is not wanted any more."""


@contextmanager
def connected(alias: str, begin: Callable[[Any], None] | None = None) -> Iterator[Any]:
    """A connection of its own, in the transaction that `begin` made in it, if any."""
    # While COPY runs its connection can do nothing else, neither renew a lease nor fetch a related
    # object: so it has one of its own, with the same settings.
    connection: Any = connections[alias].copy()
    with closing(connection), connection.wrap_database_errors:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            # Every one may be taken; the worker's own, which the orm reader uses, is there.
            raise NotPlain(f"no second connection: {error}") from error
        if begin:
            begin(connection)
        try:
            yield connection
        except (GeneratorExit, ExportError):
            # A server that still sorts would notice the closed connection only at its first row.
            with suppress(connection.Database.Error):
                connection.connection.cancel_safe(timeout=CANCEL_SECONDS)
            raise


def blocks(
    connection: Any, sql: str, params: Any, batch_rows: int, waiting: Callable[[], None]
) -> Iterator[Buffer]:
    """The text of at most `batch_rows` whole records at a time, each behind a FRAME."""
    driver = connection.Database
    # COPY takes no parameters: the driver quotes them into the text.
    select = driver.ClientCursor(connection.connection).mogrify(sql, params)
    statement = f"COPY ({select}) TO STDOUT (FORMAT csv)"
    if not is_plain_socket(connection.connection):
        yield from _row_by_row(connection.connection, statement, driver, batch_rows)
        return
    with borrowed(connection.connection.pgconn.socket) as socket:
        try:
            yield from CopyOut(socket, statement, waiting).blocks(batch_rows)
        except ServerError as error:
            raise _driver_error(driver, error) from error
        except OSError as error:
            raise driver.OperationalError(str(error)) from error


def _row_by_row(connection: Any, statement: str, driver: Any, batch_rows: int) -> Iterator[Buffer]:
    """The same through libpq, which alone can decrypt: an object per row."""
    with connection.cursor() as cursor, cursor.copy(statement) as copied:
        rows = _rows(connection.pgconn, copied, driver)
        while records := list(islice(rows, batch_rows)):
            yield FRAME + FRAME.join(records)


def _rows(pgconn: Any, copied: Any, driver: Any) -> Iterator[Buffer]:
    while True:
        # What has arrived is taken straight from libpq; waiting is the driver's part.
        size, record = pgconn.get_copy_data(1)
        if size == 0:
            record = copied.read()
        if not record:
            break
        yield record
    # All of what the server says at the end is taken before any of it is raised.
    for result in list(iter(pgconn.get_result, None)):
        if result.status != driver.pq.ExecStatus.COMMAND_OK:
            raise driver.errors.error_from_result(result)


def _driver_error(driver: Any, error: ServerError) -> Exception:
    try:
        kind = driver.errors.lookup(error.sqlstate)
    except KeyError:
        kind = driver.DatabaseError
    raised: Exception = kind(str(error))
    return raised
