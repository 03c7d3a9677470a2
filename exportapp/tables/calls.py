"""What stands for a value that is not whole: one row's trouble must not cost the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError

from exportapp.exceptions import RequestRefused


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


def require_harmless(function: Any, name: str) -> None:
    """Raises RequestRefused for what says that it changes data, as Model.delete does.

    Django's templates do not call it either.
    """
    if getattr(function, "alters_data", False):
        raise RequestRefused(f"Column '{name}' would change data (alters_data): it is no value.")
