"""The table of errors. Read from the top; the first row that fits decides.

docs/recovery.md says the same to people.
"""

from __future__ import annotations

import errno
from typing import Final

import pyarrow
from django.core.exceptions import FieldError, ImproperlyConfigured, PermissionDenied
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from rq.timeouts import JobTimeoutException

from exportapp.exceptions import (
    ExportError,
    FileDamaged,
    FileExpired,
    FileUnknown,
    LeaseLost,
    NotAllowed,
    RequestRefused,
    RowRefused,
    SnapshotLost,
    SnapshotTooOld,
    SourceChanged,
    StorageRefused,
    StorageUnavailable,
    WorkInterrupted,
)
from exportapp.jobs.verdicts import Action, Kind, Layer, Resource, Row, Verdict


def _retry(code: str, failed: Resource | None = None) -> Verdict:
    """Infrastructure that may be in order again the next moment."""
    return Verdict(Kind.TRANSIENT, Layer.INFRASTRUCTURE, code, Action.RETRY, failed)


def _ask(layer: Layer, code: str) -> Verdict:
    return Verdict(Kind.PERMANENT, layer, code, Action.ASK)


def _poison(layer: Layer, code: str) -> Verdict:
    return Verdict(Kind.POISON, layer, code, Action.ASK)


AWAY: Final = _retry("database_unavailable", Resource.DATABASE)
OVERLOADED: Final = _retry("database_overloaded", Resource.DATABASE)
CONFLICT: Final = _retry("database_conflict")
SLOW: Final = _retry("database_timeout")
FULL: Final = _ask(Layer.INFRASTRUCTURE, "database_full")
BROKEN: Final = _ask(Layer.INFRASTRUCTURE, "database_corrupt")
DENIED: Final = _ask(Layer.BUSINESS, "database_denied")
QUERY: Final = _ask(Layer.SEMANTIC, "database_query")
MALFORMED: Final = _ask(Layer.SYNTAX, "database_query")
DATA: Final = _poison(Layer.SEMANTIC, "database_data")

OUR_ERRORS: Final = (
    # Signals more than errors: the piece is done again, by whoever holds it then.
    Row(LeaseLost, _retry(LeaseLost.code)),
    Row(WorkInterrupted, _retry(WorkInterrupted.code)),
    Row(FileExpired, _ask(Layer.BUSINESS, FileExpired.code)),
    Row(FileUnknown, _ask(Layer.BUSINESS, FileUnknown.code)),
    Row(FileDamaged, _retry(FileDamaged.code)),
    Row(SnapshotLost, _retry(SnapshotLost.code)),
    Row(SnapshotTooOld, _ask(Layer.INFRASTRUCTURE, SnapshotTooOld.code)),
    Row(NotAllowed, _ask(Layer.BUSINESS, NotAllowed.code)),
    Row(RowRefused, _poison(Layer.BUSINESS, RowRefused.code)),
    Row(SourceChanged, _ask(Layer.SEMANTIC, SourceChanged.code)),
    Row(StorageUnavailable, _retry(StorageUnavailable.code, Resource.STORAGE)),
    Row(StorageRefused, _ask(Layer.INFRASTRUCTURE, StorageRefused.code)),
    Row(RequestRefused, _ask(Layer.SEMANTIC, RequestRefused.code)),
    Row(ExportError, _ask(Layer.BUSINESS, ExportError.code)),
    # Arrow listens to SIGINT and SIGTERM itself while it parses, and hands them on.
    Row(pyarrow.ArrowCancelled, _retry(WorkInterrupted.code)),
)

SQLSTATES: Final = (
    Row("08", AWAY),
    Row("25006", AWAY),  # read only: the server became a standby in a failover
    Row("57P04", QUERY),  # the database was dropped
    Row("57P", AWAY),  # shut down, crashed, starting up
    Row("58", AWAY),  # its own disk fails
    Row("53100", FULL),
    Row("53", OVERLOADED),  # too many connections, out of memory
    Row("40", CONFLICT),  # serialization failure, deadlock
    Row("55", CONFLICT),  # lock not available, object in use
    Row("23", CONFLICT),  # two at once; no row of the user's is ever written
    Row("57014", SLOW),  # statement timeout, cancelled by an operator
    Row("25P", SLOW),  # a transaction that was idle, or open, for too long
    Row("28", DENIED),  # the login
    Row("42501", DENIED),
    Row("42601", MALFORMED),
    Row("42", QUERY),  # unknown column, table, function; wrong type
    Row("3D", QUERY),
    Row("3F", QUERY),
    Row("0A", QUERY),
    Row("54", QUERY),  # too complex, too many columns
    Row("21", DATA),  # a subquery gave more than one row
    Row("22", DATA),  # division by zero, out of range
    Row("P0", DATA),  # raised by a function in the database
    Row("XX", BROKEN),
)

SQLITE_NAMES: Final = (
    Row("SQLITE_BUSY", CONFLICT),
    Row("SQLITE_LOCKED", CONFLICT),
    Row("SQLITE_PROTOCOL", CONFLICT),
    Row("SQLITE_SCHEMA", CONFLICT),
    Row("SQLITE_CONSTRAINT", CONFLICT),
    Row("SQLITE_IOERR", AWAY),
    Row("SQLITE_CANTOPEN", AWAY),
    Row("SQLITE_NOMEM", OVERLOADED),
    Row("SQLITE_INTERRUPT", SLOW),
    Row("SQLITE_FULL", FULL),
    Row("SQLITE_CORRUPT", BROKEN),
    Row("SQLITE_NOTADB", BROKEN),
    Row("SQLITE_READONLY", DENIED),
    Row("SQLITE_PERM", DENIED),
    Row("SQLITE_AUTH", DENIED),
    Row("SQLITE_TOOBIG", DATA),
    Row("SQLITE_MISMATCH", DATA),
    Row("SQLITE_ERROR", QUERY),  # unknown column or table, malformed
)

# Trying again does not make room on a disk or open a folder: a person has to.
ERRNOS: Final = tuple(
    Row(number, _ask(Layer.INFRASTRUCTURE, errno.errorcode[number].lower()))
    for number in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
    )
)

CLASSES: Final = (
    Row(JobTimeoutException, _retry("job_timeout")),
    # Of a database that said nothing more: mostly a connection that could not be made or kept.
    Row(OperationalError, AWAY),
    Row(InterfaceError, AWAY),
    Row(IntegrityError, CONFLICT),
    Row(DataError, DATA),
    Row(InternalError, BROKEN),
    Row(NotSupportedError, QUERY),
    Row(ProgrammingError, QUERY),
    Row(FieldError, _ask(Layer.SEMANTIC, "unknown_field")),
    Row(ImproperlyConfigured, _ask(Layer.SEMANTIC, "not_configured")),
    Row(PermissionDenied, _ask(Layer.BUSINESS, NotAllowed.code)),
    Row(ConnectionError, _retry("connection")),
    Row(TimeoutError, _retry("timeout")),
    Row(OSError, _retry("storage", Resource.STORAGE)),
    Row(MemoryError, _retry("memory")),
)

TABLE: Final = OUR_ERRORS + SQLSTATES + SQLITE_NAMES + ERRNOS + CLASSES
