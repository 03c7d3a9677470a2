"""Moments that PostgreSQL sends as text, read by Python's own parser.

Django has psycopg read them with a regular expression in Python, which takes longer than all other
values of a row together.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

TIMESTAMPTZ: Final = 1184
"""The type's number. Source: PostgreSQL, src/include/catalog/pg_type.dat."""

IN_UTC: Final = "+00"
"""How a moment ends in a session whose time zone is at UTC then, as Django's sessions are."""


def read_quickly(connection: Any) -> None:
    """From now on read moments quickly on this connection of Django's.

    The values are those that Django's own loader gives, for every query: what it does not know
    from its end is left to that one, errors as well. Nothing is done for other databases, nor with
    psycopg 2, nor where somebody else has put a loader there.
    """
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    adapters = getattr(connection.connection, "adapters", None)
    if adapters is None:
        return
    loader = adapters.get_loader(TIMESTAMPTZ, connection.Database.pq.Format.TEXT)
    if loader.__module__ == "django.db.backends.postgresql.psycopg_any":
        adapters.register_loader(TIMESTAMPTZ, _quick(loader))


@functools.cache
def _quick(django_s: Any) -> Any:
    """Django has a class of loaders for each time zone."""
    zone: tzinfo | None = django_s.timezone

    class QuickLoader(django_s):  # type: ignore[misc]
        def load(self, data: bytes | bytearray | memoryview) -> datetime:
            text = str(data, "ascii")
            if not text.endswith(IN_UTC):
                return self._otherwise(data)
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                # A year that Python does not have.
                return self._otherwise(data)
            # To replace a zone takes longer than all of the above.
            return moment if zone is UTC else moment.replace(tzinfo=zone)

        def _otherwise(self, data: bytes | bytearray | memoryview) -> datetime:
            found: datetime = super().load(data)
            return found

    return QuickLoader
