"""What a shard costs beside its rows, counted and not timed: a slow-down by design turns red."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_redis import get_redis_connection

from exportapp.models import ExportJob
from tests.jobs.conftest import finish

SHARDS = 20
STATEMENTS_PER_SHARD = 34
"""Planning, two claims, two commits and two events; BEGIN and COMMIT are counted."""
REDIS_CALLS_PER_SHARD = 3
"""One for reading it, one for writing it, and one to spare."""


@pytest.fixture
def spent(
    orders: Callable[[int], None], ask: Callable[..., ExportJob], settings: Any
) -> tuple[list[str], Counter[str]]:
    """The statements and Redis commands of an export of 20 shards."""
    orders(SHARDS * 10)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask()
    redis = get_redis_connection()
    redis.config_resetstat()
    with CaptureQueriesContext(connection) as captured:
        finish(job)
    stats = redis.info("commandstats")
    calls = Counter({name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()})
    return [query["sql"] for query in captured.captured_queries], calls


def test_statements_and_redis_calls_of_a_shard_are_bounded(
    spent: tuple[list[str], Counter[str]],
) -> None:
    statements, calls = spent
    assert len(statements) / SHARDS <= STATEMENTS_PER_SHARD
    assert calls["evalsha"] / SHARDS <= REDIS_CALLS_PER_SHARD
