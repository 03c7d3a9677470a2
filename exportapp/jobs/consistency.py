"""Whether the rows of an export can be of one moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.models import Consistency


def consistency_of(name: str, aliases: Sequence[str]) -> Consistency:
    """Raises RequestRefused (UnknownName) for what there is not, or not in these databases."""
    if name not in Consistency.values:
        raise UnknownName("consistency", name, Consistency.values)
    if name == Consistency.SNAPSHOT and len(set(aliases)) > 1:
        raise RequestRefused(
            _(
                "The consistency 'snapshot' needs all sheets in one database, and these are in "
                "{databases}. Valid: live."
            ).format(databases=", ".join(sorted(set(aliases))))
        )
    database: Any = connections[aliases[0]]
    if name == Consistency.SNAPSHOT and database.vendor != "postgresql":
        raise RequestRefused(
            _(
                "The consistency 'snapshot' needs PostgreSQL, and these rows are in "
                "{database}. Valid: live."
            ).format(database=database.display_name)
        )
    return Consistency(name)
