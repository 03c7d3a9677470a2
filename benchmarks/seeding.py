"""The rows of the benchmark, made by PostgreSQL itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

STEP = 500_000
"""Rows in one transaction."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: str
    """The SELECT list that makes row `n`."""


SALES: Final = Table(
    "benchmarks_sale",
    (
        "id",
        "number",
        "customer",
        "email",
        "status",
        "quantity",
        "amount",
        "weight",
        "paid",
        "created_at",
        "note",
    ),
    """
    n,
    'R-' || lpad(n::text, 9, '0'),
    (array['Müller & Sons', 'Åse <Lager> AS', 'Ng Trading', '東京商店', 'O''Hara plc'])[1 + n % 5]
        || ' ' || n * 7919 % 50000,
    'customer' || n * 7919 % 50000 || '@example.com',
    (array['new', 'paid', 'packed', 'shipped', 'returned'])[1 + n % 5],
    1 + n % 40,
    n * 7919 % 10000000 / 100.0,
    (n * 31 % 5000)::float8 / 7,
    n % 3 = 0,
    timestamptz '2023-01-01 06:00+00' + n * interval '61 seconds',
    CASE WHEN n % 20 = 0 THEN '' ELSE 'Leave at door ' || n % 97 || ', code ' || md5(n::text) END
    """,
)
TICKS: Final = Table(
    "benchmarks_tick",
    ("id", "number", "quantity", "paid"),
    "n, 'R-' || lpad(n::text, 9, '0'), 1 + n % 40, n % 3 = 0",
)
LETTERS: Final = Table(
    "benchmarks_letter",
    ("id", "title", "body"),
    """
    n,
    'L-' || n,
    repeat(md5(n::text), CASE WHEN n % 1000000 BETWEEN 400000 AND 409999 THEN 512 ELSE 2 END)
    """,
)
"""The long ones are neighbours, as the rows of one importer are."""

TABLE = SALES.name
COLUMNS = SALES.columns


def seed(url: str, rows: int, *, have: int = 0, table: Table = SALES) -> None:
    """Fill the table, which has rows 1 to `have`, up to `rows`; let PostgreSQL look at it once."""
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(have + 1, rows + 1, STEP):
            series = f"generate_series({first}::bigint, {min(first + STEP - 1, rows)}::bigint)"
            connection.execute(f"INSERT INTO {table.name} SELECT {table.rows} FROM {series} AS n")
        # Else autovacuum would do it in the middle of a measurement.
        connection.execute(f"VACUUM ANALYZE {table.name}")
        connection.execute("CHECKPOINT")


def some(rows: int) -> str:
    """The query that every contender's rows are the result of."""
    return f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE id <= {rows} ORDER BY id"
