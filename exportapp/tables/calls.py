"""What stands for a value that is not whole: one row's trouble must not cost the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError


@dataclass(frozen=True, slots=True)
class Raised:
    """Stands where a function raised instead of giving a value."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Shortened:
    """A text that stands for more than it says: the cell keeps it, and it is an issue."""

    text: str
    message: str


def guarded(function: Callable[[Any], Any], instance: Any) -> Any:
    """What it returns, or `Raised`; a database that is away is not the row's fault and passes."""
    try:
        return function(instance)
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        return Raised(error)
