"""Empty tables after a test that committed, faster than Django does.

Django truncates every table and then makes all content types and permissions anew: 0.2 s and more,
after each of several hundred tests. Nearly all tables are empty, so one question finds the others,
whose rows are deleted; what was made for the models stays as it is and is only looked at.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT: Final = ("auth.Permission", "contenttypes.ContentType")

_by_django: Final = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

_made: dict[str, list[Any]] = {}
"""What is in the tables that are kept, by database, as it was made with them."""


def take_stock(alias: str) -> None:
    """Remember what belongs into the tables that are kept; before the first test."""
    _made[alias] = _kept(alias)


def empty(case: TransactionTestCase) -> None:
    """In the place of `TransactionTestCase._fixture_teardown`."""
    aliases = case._databases_names(include_mirrors=False)  # type: ignore[attr-defined]
    if case.available_apps is not None or not _made.keys() >= {*aliases}:
        # A database that few tests use.
        _by_django(case)
        return
    for alias in aliases:
        # Foreign keys are checked at the end, so the order does not matter; where all rows go,
        # PostgreSQL need not look for those that each of them was referred to by.
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            if connections[alias].vendor == "postgresql":
                cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(_which_have_rows(alias))
            for (number,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {_tables(alias)[number]}")
        if _kept(alias) != _made[alias]:
            _by_django(case)
            take_stock(alias)
            return


@cache
def _which_have_rows(alias: str) -> str:
    """A statement for the numbers of these tables; one for each would be fifty answers."""
    return " UNION ALL ".join(
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})"
        for number, table in enumerate(_tables(alias))
    )


@cache
def _tables(alias: str) -> list[str]:
    connection: Any = connections[alias]
    kept = {apps.get_model(label)._meta.db_table for label in KEPT}
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted(set(names) - kept)]


def _kept(alias: str) -> list[Any]:
    return [
        list(apps.get_model(label)._base_manager.using(alias).order_by("pk").values_list())
        for label in KEPT
    ]
