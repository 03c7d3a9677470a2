"""Triggers that write down every change of a state or a fence, whoever makes it.

What processes say about themselves is no proof; what reached the tables is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from exportapp.states import JobState, ShardState

TABLES = {"exportapp_exportjob": JobState, "exportapp_exportshard": ShardState}

TABLE = """CREATE TABLE fault_ledger (
    id {serial}, kind text, piece text,
    state_before text, state text, fence_before bigint, fence bigint)"""
INSERT = """INSERT INTO fault_ledger (kind, piece, state_before, state, fence_before, fence)
    VALUES ({kind}, NEW.id, OLD.status, NEW.status, OLD.fence, NEW.fence);"""
CHANGED = "OLD.status <> NEW.status OR OLD.fence <> NEW.fence"


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    piece: str
    state_before: str
    state: str
    fence_before: int
    fence: int


def execute(sql: str) -> list[tuple[Any, ...]]:
    """On the connection of this process."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def open_ledger(execute: Callable[[str], Any], *, sqlite: bool) -> None:
    serial = "INTEGER PRIMARY KEY" if sqlite else "bigserial PRIMARY KEY"
    execute(TABLE.format(serial=serial))
    if not sqlite:
        body = INSERT.format(kind="TG_TABLE_NAME")
        execute(
            "CREATE FUNCTION fault_note() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {body} RETURN NULL; END $$"
        )
    for table in TABLES:
        insert = INSERT.format(kind=f"'{table}'")
        body = f"BEGIN {insert} END" if sqlite else "EXECUTE FUNCTION fault_note()"
        execute(
            f"CREATE TRIGGER fault_{table} AFTER UPDATE ON {table}"
            f" FOR EACH ROW WHEN ({CHANGED}) {body}"
        )


def close_ledger(execute: Callable[[str], Any]) -> None:
    """Remove it again; for PostgreSQL."""
    for table in TABLES:
        execute(f"DROP TRIGGER fault_{table} ON {table}")
    execute("DROP FUNCTION fault_note")
    execute("DROP TABLE fault_ledger")


def read_ledger(execute: Callable[[str], Iterable[tuple[Any, ...]]]) -> list[Entry]:
    columns = ", ".join(Entry.__slots__)
    return [Entry(*row) for row in execute(f"SELECT {columns} FROM fault_ledger ORDER BY id")]


def illegal(entries: Iterable[Entry]) -> list[Entry]:
    """Entries along no edge of the state tables, or whose fence went down."""
    return [entry for entry in entries if not _is_legal(entry)]


def _is_legal(entry: Entry) -> bool:
    states = TABLES[entry.kind]
    moved = entry.state_before != entry.state
    allowed = not moved or states(entry.state) in states(entry.state_before).can
    return allowed and entry.fence >= entry.fence_before
