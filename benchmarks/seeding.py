"""The rows of the benchmark, made by PostgreSQL itself."""

from __future__ import annotations

import psycopg

TABLE = "benchmarks_sale"
COLUMNS = (
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
)
ROWS_SQL = """
SELECT
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
FROM generate_series({first}::bigint, {last}::bigint) AS n
"""
STEP = 500_000
"""Rows in one transaction."""


def seed(url: str, rows: int, *, have: int = 0) -> None:
    """Fill the table, which has rows 1 to `have`, up to `rows`; let PostgreSQL look at it once."""
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(have + 1, rows + 1, STEP):
            last = min(first + STEP - 1, rows)
            connection.execute(f"INSERT INTO {TABLE} {ROWS_SQL.format(first=first, last=last)}")
        # Else autovacuum would do it in the middle of a measurement.
        connection.execute(f"VACUUM ANALYZE {TABLE}")
        connection.execute("CHECKPOINT")


def some(rows: int) -> str:
    """The query that every contender's rows are the result of."""
    return f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE id <= {rows} ORDER BY id"
