"""The table of errors, and the rows that a project puts before it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)

from exportapp import exceptions
from exportapp.exceptions import ExportError, RowRefused
from exportapp.jobs.errors import backoff, verdict
from exportapp.jobs.errortable import TABLE
from exportapp.jobs.verdicts import Action, Kind, Layer, Resource, Row, Verdict

LOST = Verdict(
    Kind.TRANSIENT,
    Layer.INFRASTRUCTURE,
    "database_unavailable",
    Action.RETRY,
    Resource.DATABASE,
)


class DriverError(Exception):
    """What a database's driver raises: its code is an attribute."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the server said {code}")
        self.sqlstate = None if code.startswith("SQLITE") else code
        self.sqlite_errorname = code if code.startswith("SQLITE") else None


def wrapped(code: str, kind: type[DatabaseError] = OperationalError) -> DatabaseError:
    """As Django hands on what a driver raised."""
    error = kind(f"the server said {code}")
    error.__cause__ = DriverError(code)
    return error


def sample(row: Row) -> BaseException:
    """An error that the row is there for."""
    if isinstance(row.what, str):
        return wrapped(row.what if "_" in row.what else row.what.ljust(5, "0"))
    if isinstance(row.what, int):
        return OSError(row.what, "no")
    return row.what("no")


def name(row: Row) -> str:
    return row.what.__name__ if isinstance(row.what, type) else str(row.what)


@pytest.mark.parametrize("row", TABLE, ids=name)
def test_no_row_stands_behind_one_that_takes_its_errors(row: Row) -> None:
    assert verdict(sample(row)) == row.verdict


def test_only_what_is_out_of_order_for_everybody_counts_for_a_breaker() -> None:
    counted = {row.verdict.code: row.verdict.failed for row in TABLE if row.verdict.failed}
    assert counted == {
        "database_unavailable": Resource.DATABASE,
        "database_overloaded": Resource.DATABASE,
        "storage": Resource.STORAGE,
        "storage_unavailable": Resource.STORAGE,
    }
    assert all(row.verdict.kind == Kind.TRANSIENT for row in TABLE if row.verdict.failed)


def test_the_table_retries_what_is_transient_and_leaves_no_row_out() -> None:
    for row in TABLE:
        retries = row.verdict.action == Action.RETRY
        assert retries == (row.verdict.kind == Kind.TRANSIENT), row
        assert row.verdict.action != Action.SKIP, row


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(exceptions).values() if isinstance(kind, type)],
    ids=lambda kind: kind.__name__,
)
def test_errors_of_our_own_keep_their_code(kind: type[BaseException]) -> None:
    if not issubclass(kind, ExportError):
        return
    error = kind.__new__(kind)
    assert verdict(error).code == kind.code


def test_an_error_of_our_own_that_nobody_has_seen_keeps_its_code() -> None:
    class Unseen(ExportError):
        code = "unseen"

    assert verdict(Unseen()) == Verdict(Kind.PERMANENT, Layer.BUSINESS, "unseen", Action.ASK)


def raised_from(outer: BaseException, inner: BaseException, *, silent: bool = False) -> Any:
    """`outer` as it is when it is raised while `inner` is handled."""
    try:
        try:
            raise inner
        except BaseException:
            if silent:
                raise outer from None
            raise outer  # noqa: B904  (the link that is meant)
    except BaseException as error:
        return error


def test_a_cause_counts_where_nobody_knows_what_was_made_of_it() -> None:
    deep = raised_from(ValueError("no rows"), raised_from(KeyError("x"), wrapped("57P01")))
    assert verdict(deep) == LOST


def test_a_cause_that_was_hidden_on_purpose_does_not_count() -> None:
    hidden = raised_from(ValueError("no rows"), wrapped("57P01"), silent=True)
    assert verdict(hidden).code == "valueerror"


def test_the_outermost_error_that_is_known_decides() -> None:
    assert verdict(raised_from(RowRefused("row 7"), wrapped("57P01"))).code == "row_refused"


def test_a_chain_that_bites_its_tail_is_read_once() -> None:
    one, two = ValueError("one"), KeyError("two")
    one.__cause__, two.__cause__ = two, one
    assert verdict(one).code == "valueerror"


def test_what_nobody_knows_is_for_a_person() -> None:
    found = verdict(ZeroDivisionError())
    assert found == Verdict(Kind.PERMANENT, Layer.UNKNOWN, "zerodivisionerror", Action.ASK)


def test_a_pause_is_drawn_from_zero_to_a_bound_that_doubles_up_to_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bounds: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    monkeypatch.setattr("random.uniform", uniform)
    assert [backoff(tries) for tries in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert {low for low, _ in bounds} == {0}


class PriceServerAway(Exception):
    pass


AGAIN = Verdict(Kind.TRANSIENT, Layer.INFRASTRUCTURE, "prices_away", Action.RETRY)
CLOSED = Verdict(Kind.POISON, Layer.BUSINESS, "closed_month", Action.SKIP)

ROWS = [Row(PriceServerAway, AGAIN), Row("SH001", CLOSED), Row(errno.ENOSPC, AGAIN)]
ONE_ROW = Row(ZeroDivisionError, AGAIN)
NUMBER = 7
MIXED = [ONE_ROW, 7]


def by_text(error: BaseException) -> Verdict | None:
    return AGAIN if "pooler" in str(error) else None


def broken(error: BaseException) -> Verdict | None:
    raise RuntimeError("a rule with a bug")


@pytest.fixture
def rules(settings: Any) -> Callable[..., None]:
    def set_rules(*names: str) -> None:
        settings.EXPORTAPP_ERRORS = [f"tests.jobs.test_errors.{name}" for name in names]

    return set_rules


def test_rows_of_the_project_come_before_the_table(rules: Callable[..., None]) -> None:
    rules("ROWS", "ONE_ROW", "by_text")
    assert verdict(PriceServerAway()) == AGAIN
    assert verdict(ZeroDivisionError()) == AGAIN
    assert verdict(OSError(errno.ENOSPC, "full")) == AGAIN
    assert verdict(wrapped("SH001", ProgrammingError)) == CLOSED
    assert verdict(IntegrityError("said the pooler")) == AGAIN
    assert verdict(raised_from(OperationalError("?"), PriceServerAway())) == AGAIN
    assert verdict(IntegrityError("said the table")).code == "database_conflict"


@pytest.mark.parametrize("name", ["broken", "NUMBER", "MIXED", "missing"])
def test_a_rule_that_does_not_work_hides_no_error(
    rules: Callable[..., None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    rules(name, "ONE_ROW")
    assert verdict(wrapped("57P01")) == LOST
    assert verdict(ZeroDivisionError()) == AGAIN
    assert "EXPORTAPP_ERRORS" in caplog.text
