"""Calling a developer's function for one row without losing the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError


@dataclass(frozen=True, slots=True)
class Raised:
    """Stands where a function raised instead of giving a value."""

    error: Exception


def guarded(function: Callable[[Any], Any], instance: Any) -> Any:
    """What it returns, or `Raised`; a database that is away is not the row's fault and passes."""
    try:
        return function(instance)
    except (InterfaceError, OperationalError):
        raise
    except Exception as error:
        return Raised(error)
