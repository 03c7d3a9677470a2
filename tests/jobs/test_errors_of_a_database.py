"""What a database says to an error decides, and not the class that Django makes of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.db import (
    DatabaseError,
    OperationalError,
    connection,
    transaction,
)

from exportapp.jobs.errors import verdict
from exportapp.jobs.verdicts import Action
from tests.jobs.test_errors import wrapped


@pytest.mark.parametrize(
    ("code", "expected", "action"),
    [
        ("40001", "database_conflict", Action.RETRY),
        ("40P01", "database_conflict", Action.RETRY),
        ("55P03", "database_conflict", Action.RETRY),
        ("57P01", "database_unavailable", Action.RETRY),
        ("57P03", "database_unavailable", Action.RETRY),
        ("08006", "database_unavailable", Action.RETRY),
        ("25006", "database_unavailable", Action.RETRY),
        ("57014", "database_timeout", Action.RETRY),
        ("53300", "database_overloaded", Action.RETRY),
        ("53200", "database_overloaded", Action.RETRY),
        ("53100", "database_full", Action.ASK),
        ("42703", "database_query", Action.ASK),
        ("42P01", "database_query", Action.ASK),
        ("42501", "database_denied", Action.ASK),
        ("28P01", "database_denied", Action.ASK),
        ("57P04", "database_query", Action.ASK),
        ("22012", "database_data", Action.ASK),
        ("XX001", "database_corrupt", Action.ASK),
        ("SQLITE_BUSY", "database_conflict", Action.RETRY),
        ("SQLITE_BUSY_SNAPSHOT", "database_conflict", Action.RETRY),
        ("SQLITE_LOCKED_SHAREDCACHE", "database_conflict", Action.RETRY),
        ("SQLITE_IOERR_WRITE", "database_unavailable", Action.RETRY),
        ("SQLITE_FULL", "database_full", Action.ASK),
        ("SQLITE_READONLY_DBMOVED", "database_denied", Action.ASK),
        ("SQLITE_CORRUPT", "database_corrupt", Action.ASK),
    ],
)
def test_what_the_database_says_decides_and_not_the_class(
    code: str, expected: str, action: Action
) -> None:
    for kind in (OperationalError, DatabaseError):
        found = verdict(wrapped(code, kind))
        assert (found.code, found.action) == (expected, action)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT no_such_column FROM shop_order", "database_query"),
        ("SELECT * FROM no_such_table", "database_query"),
        ("SELEC 1", "database_query"),
    ],
)
def test_a_real_query_that_is_wrong_is_for_a_person(sql: str, code: str) -> None:
    with pytest.raises(DatabaseError) as raised, transaction.atomic(), connection.cursor() as to:
        to.execute(sql)
    found = verdict(raised.value)
    assert (found.code, found.action) == (code, Action.ASK)


def test_a_real_sqlite_that_is_locked_is_tried_again_and_one_that_is_full_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.sqlite3"
    holder, other = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    holder.execute("PRAGMA max_page_count=2")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("BEGIN IMMEDIATE")
    holder.execute("CREATE TABLE t (x)")
    with pytest.raises(sqlite3.OperationalError) as full:
        holder.execute("INSERT INTO t VALUES (zeroblob(100000))")
    for opened in (holder, other):
        opened.close()
    assert verdict(locked.value).code == "database_conflict"
    assert verdict(full.value).code == "database_full"
