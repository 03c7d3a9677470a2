"""What a shard and a row cost, counted and not timed: a slow-down by design turns red.

Bounds have about a quarter of room over what was measured; the message has what is spent now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exportapp.jobs.work import step
from exportapp.models import ExportJob
from exportapp.states import JobState
from exportapp.tables.copying import copy
from exportapp.tables.readers import read
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import find_source
from tests.effort import Calls, python_calls, redis_calls_of
from tests.jobs.conftest import finish
from tests.services import ON_SQLITE

FEW, MANY = 5, 15
"""Shards of two exports: the difference is what shards cost, the rest what an export costs."""

STATEMENTS_PER_SHARD = 17 if ON_SQLITE else 13
STATEMENTS_PER_EXPORT = 135
"""BEGIN and COMMIT are counted."""
REDIS_CALLS_PER_SHARD = 5
REDIS_CALLS_PER_EXPORT = 30
PLANNING_STATEMENTS_PER_SHARD = 2
PLANNING_CALLS_PER_SHARD = 3500

ROWS = 10_000
COLUMNS = ("id", "username", "email", "is_staff", "date_joined")
ORM_CALLS_PER_10_000_ROWS = 215_000 if ON_SQLITE else 52_000
COPY_CALLS_PER_10_000_ROWS = 2_700


@dataclass
class Cost:
    statements: int
    redis_calls: int
    planning_statements: int
    planning_calls: int


@pytest.fixture
def redis_calls(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes to Redis: a script or a pipeline is one."""
    return redis_calls_of(monkeypatch)


@pytest.fixture
def cost_of(
    orders: Callable[[int], None],
    ask: Callable[..., ExportJob],
    settings: Any,
    redis_calls: list[bytes],
) -> Callable[[int], Cost]:
    """Export so many shards of ten rows and count."""

    def export(shards: int) -> Cost:
        settings.EXPORTAPP_SHARD_ROWS = 10
        job = ask(query={"id__lte": [str(shards * 10)]})
        sent = len(redis_calls)
        with CaptureQueriesContext(connection) as captured:
            planned, calls = _plan(job)
            finish(job)
        assert job.shards.count() == shards
        return Cost(len(captured), len(redis_calls) - sent, planned, calls.count)

    orders(MANY * 10)
    # What is done once a process is paid for here.
    export(1)
    return export


def _plan(job: ExportJob) -> tuple[int, Calls]:
    """Statements and calls of finding the ranges."""
    assert step(job) and job.state == JobState.EXTRACTING
    with CaptureQueriesContext(connection) as captured, python_calls() as calls:
        step(job)
    job.refresh_from_db()
    assert job.planned_at
    return len(captured), calls


def test_statements_and_redis_calls_of_shards_and_exports_are_bounded(
    cost_of: Callable[[int], Cost],
) -> None:
    few, many = cost_of(FEW), cost_of(MANY)

    def per_shard(name: str) -> float:
        return (getattr(many, name) - getattr(few, name)) / (MANY - FEW)

    spent = {
        "statements a shard": (per_shard("statements"), STATEMENTS_PER_SHARD),
        "statements an export": (
            few.statements - FEW * per_shard("statements"),
            STATEMENTS_PER_EXPORT,
        ),
        "Redis calls a shard": (per_shard("redis_calls"), REDIS_CALLS_PER_SHARD),
        "Redis calls an export": (
            few.redis_calls - FEW * per_shard("redis_calls"),
            REDIS_CALLS_PER_EXPORT,
        ),
        "planning statements a shard": (
            per_shard("planning_statements"),
            PLANNING_STATEMENTS_PER_SHARD,
        ),
        "planning calls a shard": (per_shard("planning_calls"), PLANNING_CALLS_PER_SHARD),
    }
    assert {name: found for name, found in spent.items() if found[0] > found[1]} == {}, spent


@pytest.fixture
def users(transactional_db: None) -> None:
    User.objects.bulk_create((User(username=f"user {n}") for n in range(ROWS)), batch_size=2_000)


def test_the_orm_reader_makes_few_calls_a_row(users: None, operator: Viewer) -> None:
    rows, columns = _asked(operator)
    _warm_up(rows, columns, operator)
    calls = _reading(read(rows, columns, operator, batch_rows=8192, policy="blank"))
    assert calls <= ORM_CALLS_PER_10_000_ROWS, f"{calls} calls for {ROWS} rows"


@pytest.mark.skipif(ON_SQLITE, reason="COPY is PostgreSQL's")
def test_the_copy_reader_makes_no_calls_for_a_row(users: None, operator: Viewer) -> None:
    rows, columns = _asked(operator)
    _warm_up(rows, columns, operator)
    calls = _reading(copy(rows, columns, operator, batch_rows=8192))
    assert calls <= COPY_CALLS_PER_10_000_ROWS, f"{calls} calls for {ROWS} rows"


def _asked(viewer: Viewer) -> tuple[Any, Any]:
    source = find_source("auth.User", "admin")
    rows = source.queryset(Selection(source="auth.User"), viewer).order_by("pk")
    return rows, source.columns(COLUMNS, viewer)


def _warm_up(rows: Any, columns: Any, viewer: Viewer) -> None:
    """Arrow looks for pandas at the first array of a process and imports it where it finds it."""
    list(read(rows[:1], columns, viewer, batch_rows=1, policy="blank"))


def _reading(batches: Iterable[object]) -> int:
    """Calls of reading all of it."""
    with python_calls() as calls:
        assert len(list(batches)) == 2
    return calls.count
