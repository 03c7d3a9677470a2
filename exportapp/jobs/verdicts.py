"""The words that a table of errors is made of: kind, layer, action, and a row of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    TRANSIENT = "transient"
    """Another try may succeed."""
    PERMANENT = "permanent"
    """No try of any piece succeeds until a person has done something."""
    POISON = "poison"
    """This piece fails on every try; the others need not."""


class Layer(StrEnum):
    SYNTAX = "syntax"
    """It cannot be read: a query or a request that is malformed."""
    SEMANTIC = "semantic"
    """It can be read and means nothing: an unknown column, a value out of range."""
    BUSINESS = "business"
    """A rule of people forbids it: a right, a policy."""
    INFRASTRUCTURE = "infrastructure"
    """A server, a disk or a process failed."""
    UNKNOWN = "unknown"
    """Nobody classified it."""


class Action(StrEnum):
    RETRY = "retry"
    """After a back-off, at most MAX_ATTEMPTS times without progress and RETRY_SECONDS in all."""
    SKIP = "skip"
    """Leave the rows of this key range out and say so; where there are none to read, ask."""
    ASK = "ask"
    """Fail the export for a person to look at; what is finished stays."""


class Resource(StrEnum):
    """What a breaker stands before."""

    DATABASE = "database"
    STORAGE = "storage"


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: Kind
    layer: Layer
    code: str
    action: Action
    failed: Resource | None = None
    """What the error says to be out of order for everybody, not for this piece alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of errors."""

    what: type[BaseException] | str | int
    """A class; how a database's own code begins (a SQLSTATE, SQLite's name); an errno."""
    verdict: Verdict

    def fits(self, error: BaseException) -> bool:
        if isinstance(self.what, str):
            return database_code(error).startswith(self.what)
        if isinstance(self.what, int):
            return isinstance(error, OSError) and error.errno == self.what
        return isinstance(error, self.what)


Rule: TypeAlias = Row | Callable[[BaseException], Verdict | None]
"""What EXPORTAPP_ERRORS names: a row, or a function that answers None for what it leaves."""


def database_code(error: BaseException) -> str:
    """What the database calls it; empty when it did not say.

    Source: PostgreSQL documentation, appendix A (SQLSTATE; psycopg has it on its errors), and
    sqlite.org/rescode.html (the name; Python has it since 3.11). Django keeps the driver's
    error as the cause of its own.
    """
    for link in (error, error.__cause__):
        code = getattr(link, "sqlstate", None) or getattr(link, "sqlite_errorname", None)
        if isinstance(code, str):
            return code
    return ""
