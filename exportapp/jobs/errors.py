"""What an error means for the piece it happened in: try again by itself, or ask a person.

The table is read from the top; the first class that fits decides.
"""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass
from typing import Final

from django.core.exceptions import FieldError, PermissionDenied
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError

from exportapp.exceptions import ExportError

BACKOFF_BASE: Final = 1.0
BACKOFF_CAP: Final = 60.0

# Trying again does not make room on a disk or open a folder: a person has to.
PERMANENT_ERRNOS: Final = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    transient: bool
    layer: str
    code: str


VERDICTS: Final[tuple[tuple[type[BaseException], Verdict], ...]] = (
    (OperationalError, Verdict(True, "infrastructure", "database_unavailable")),
    (InterfaceError, Verdict(True, "infrastructure", "database_unavailable")),
    (DataError, Verdict(False, "semantic", "database_data")),
    (ProgrammingError, Verdict(False, "semantic", "database_query")),
    (FieldError, Verdict(False, "semantic", "unknown_field")),
    (PermissionDenied, Verdict(False, "business", "not_allowed")),
    (ConnectionError, Verdict(True, "infrastructure", "connection")),
    (TimeoutError, Verdict(True, "infrastructure", "timeout")),
    (OSError, Verdict(True, "infrastructure", "storage")),
    (MemoryError, Verdict(True, "infrastructure", "memory")),
)


def verdict(error: BaseException) -> Verdict:
    """Classify an error once; what nobody knows is for a person to look at."""
    if isinstance(error, ExportError):
        return Verdict(False, "business", error.code)
    if isinstance(error, OSError) and error.errno in PERMANENT_ERRNOS:
        return Verdict(False, "infrastructure", errno.errorcode[error.errno or 0].lower())
    for kind, known in VERDICTS:
        if isinstance(error, kind):
            return known
    return Verdict(False, "unknown", type(error).__name__.lower())


def backoff(attempt: int) -> float:
    """Seconds to wait before attempt `attempt + 1`: exponential with full jitter.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    """
    return random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt))


def describe(error: BaseException) -> str:
    """The error in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ExportError) else f"{type(error).__name__}: {text}"
