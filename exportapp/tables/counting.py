"""How many rows there are, without making anybody wait for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db import OperationalError, connections, transaction
from django.db.models import QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from exportapp.tables.selection import Viewer

COUNT_MS: Final = 500
"""How long PostgreSQL may count; then its planner's estimate has to do."""

COUNT_ROWS: Final = 100_000
"""How far other databases count: they know no limit of time, and no estimate."""

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    how: Literal["exact", "about", "over"] = "exact"

    @property
    def words(self) -> str:
        """In the active language: "1,204", "about 1.2 million" or "more than 100,000"."""
        if self.how == "over":
            return _("more than %(count)s") % {"count": _grouped(self.number)}
        if self.how == "exact":
            return _grouped(self.number)
        if self.number < MILLION:
            return _("about %(count)s") % {"count": _grouped(_rounded(self.number))}
        millions = number_format(self.number / MILLION, 1, use_l10n=True, force_grouping=True)
        return _("about %(count)s million") % {"count": millions}


def count_rows(rows: QuerySet[Any], viewer: Viewer) -> Count:
    """The number of rows; an estimate of it or a lower bound where a count would be slow."""
    plain = rows.order_by().select_related(None)
    with viewer.active():
        if connections[rows.db].vendor != "postgresql":
            found = plain[: COUNT_ROWS + 1].count()
            return Count(found) if found <= COUNT_ROWS else Count(COUNT_ROWS, "over")
        try:
            with hurried(rows.db, COUNT_MS):
                return Count(plain.count())
        except OperationalError:
            plan = json.loads(plain.explain(format="json"))
            return Count(int(plan[0]["Plan"]["Plan Rows"]), "about")


@contextmanager
def hurried(alias: str, milliseconds: int) -> Iterator[None]:
    """Statements in here end after this time with an OperationalError, where PostgreSQL runs them.

    A shorter limit that holds already stays, and what held before holds again behind it.
    """
    if connections[alias].vendor != "postgresql":
        yield
        return
    setting = "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'"
    change = "SELECT set_config('statement_timeout', %s, true)"
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(setting)
        (before,) = cursor.fetchone()
        cursor.execute(change, [str(min(before or milliseconds, milliseconds))])
        yield
        cursor.execute(change, [str(before)])


def _grouped(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def _rounded(number: int) -> int:
    """To two digits: an estimate knows no more."""
    return int(float(f"{number:.1e}"))
