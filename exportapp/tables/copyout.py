"""The text of a COPY in blocks of records, on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from django.db import OperationalError, connections
from typing_extensions import Buffer

from exportapp.exceptions import ExportError
from exportapp.tables.messages import HEADER, ServerError, everywhere
from exportapp.tables.wire import BLOCK_BYTES, SLACK, Block, CopyOut, borrowed, is_plain_socket

FRAME: Final = b"0000\t"
"""What each record of a text begins with: a field of its own in the place of a message's header.

It is as long as the header, so that nothing has to be moved.
"""
assert len(FRAME) == HEADER.size


Waiting: TypeAlias = Callable[[], None]

Types: TypeAlias = tuple[int, ...]


class NotPlain(Exception):
    """COPY cannot give these rows: a value that only the orm reader can judge, no connection."""


CANCEL_SECONDS: Final = 2.0
"""How long a server may take to hear that its query is not wanted any more."""


class Line:
    """A connection for one COPY after the other, which costs the server more than a small range.

    Used by one thread; `close` it in that thread.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._idle: Any = None
        self.types: dict[str, Types | None] = {}
        """Of the columns of queries that were asked before; None of those that are not known."""

    def take(self) -> Any:
        """An open connection, for who takes it alone. Raises NotPlain when there is none."""
        connection, self._idle = self._idle, None
        if connection is not None and connection.is_usable():
            return connection
        if connection is not None:
            connection.close()
        return _opened(self._alias)

    def give_back(self, connection: Any) -> None:
        """Keep one that has nothing under way for the next."""
        self._idle = connection

    def close(self) -> None:
        """End the connection that waits here, if any."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None


@contextmanager
def connected(line: Line, begin: Callable[[Any], None] | None = None) -> Iterator[Any]:
    """A connection of its own, in the transaction that `begin` made in it, if any.

    One that was in no transaction and came to its end in peace goes back to the `line`.
    """
    connection = line.take()
    with ExitStack() as stack, connection.wrap_database_errors:
        stack.callback(connection.close)
        if begin:
            begin(connection)
        try:
            yield connection
        except (GeneratorExit, ExportError):
            # A server that still sorts would notice the closed connection only at its first row.
            with suppress(connection.Database.Error):
                connection.connection.cancel_safe(timeout=CANCEL_SECONDS)
            raise
        if not begin:
            stack.pop_all()
            line.give_back(connection)


def _opened(alias: str) -> Any:
    # While COPY runs its connection can do nothing else, neither renew a lease nor fetch a related
    # object: so it has one of its own, with the same settings.
    connection: Any = connections[alias].copy()
    try:
        with connection.wrap_database_errors:
            connection.ensure_connection()
    except OperationalError as error:
        # Every one may be taken; the worker's own, which the orm reader uses, is there.
        raise NotPlain(f"no second connection: {error}") from error
    return connection


def types_of(connection: Any, sql: str, params: Any) -> Types | None:
    """The types of a query's columns, by their OIDs; None where only text can be received.

    Source: PostgreSQL documentation, "Object Identifier Types"; pg_type.
    """
    raw = connection.connection
    # Text of another encoding is not looked at by the server.
    if not is_plain_socket(raw) or raw.info.parameter_status("server_encoding") != "UTF8":
        return None
    with connection.Database.ClientCursor(raw) as cursor:
        # The ORM wrote it, and what people asked for is in the parameters.
        cursor.execute(f"SELECT * FROM ({sql}) AS described LIMIT 0", params)  # nosec B608
        return tuple(column.type_code for column in cursor.description)


def tuples(
    connection: Any, sql: str, params: Any, fields: int, batch_rows: int, waiting: Waiting
) -> Iterator[Block]:
    """At most `batch_rows` whole records of so many `fields` at a time, in the binary format.

    Of wide ones they are fewer, as in `blocks`. Only where `types_of` knows the types.
    """
    statement = _statement(connection, sql, params, "binary")
    yield from _received(connection, statement, batch_rows, waiting, fields)


def blocks(
    connection: Any, sql: str, params: Any, batch_rows: int, waiting: Waiting
) -> Iterator[Buffer]:
    """The text of at most `batch_rows` whole records at a time, each behind a FRAME.

    Of wide ones they are fewer: BLOCK_BYTES, or little more, are enough for a block.
    """
    statement = _statement(connection, sql, params, "text")
    if not is_plain_socket(connection.connection):
        yield from _row_by_row(connection.connection, statement, connection.Database, batch_rows)
        return
    kind = f"V{len(FRAME)}"
    for data, starts in _received(connection, statement, batch_rows, waiting, None):
        everywhere(data, kind, 0)[starts] = np.frombuffer(FRAME, kind)
        yield data[:-SLACK]


def _statement(connection: Any, sql: str, params: Any, format: str) -> str:
    # COPY takes no parameters: the driver quotes them into the text.
    select = connection.Database.ClientCursor(connection.connection).mogrify(sql, params)
    return f"COPY ({select}) TO STDOUT (FORMAT {format})"


def _received(
    connection: Any, statement: str, batch_rows: int, waiting: Waiting, fields: int | None
) -> Iterator[Block]:
    driver = connection.Database
    with borrowed(connection.connection.pgconn.socket) as socket:
        try:
            yield from CopyOut(socket, statement, waiting, fields).blocks(batch_rows)
        except ServerError as error:
            raise _driver_error(driver, error) from error
        except OSError as error:
            raise driver.OperationalError(str(error)) from error


def _row_by_row(connection: Any, statement: str, driver: Any, batch_rows: int) -> Iterator[Buffer]:
    """The same through libpq, which alone can decrypt: an object per row."""
    with connection.cursor() as cursor, cursor.copy(statement) as copied:
        rows = _rows(connection.pgconn, copied, driver)
        while records := list(_some(rows, batch_rows)):
            yield FRAME + FRAME.join(records)


def _some(rows: Iterator[Buffer], count: int) -> Iterator[Buffer]:
    size = 0
    for record in islice(rows, count):
        yield record
        size += memoryview(record).nbytes
        if size >= BLOCK_BYTES:
            return


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
