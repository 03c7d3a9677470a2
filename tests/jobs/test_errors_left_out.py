"""A project has the rows of a range left out for an error, and the export says so."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from exportapp.jobs import extract, work
from exportapp.jobs.leases import Lease
from exportapp.jobs.verdicts import Action, Kind, Layer, Row, Verdict
from exportapp.models import ExportEvent, ExportIssue, ExportJob
from tests.jobs.conftest import finish
from tests.jobs.test_errors import wrapped
from tests.jobs.test_errors_in_pieces import break_piece
from tests.jobs.test_work import events
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

pytestmark = pytest.mark.usefixtures("no_back_off")

LEFT_OUT = [
    Row("22012", Verdict(Kind.POISON, Layer.BUSINESS, "closed_month", Action.SKIP)),
]


def test_a_project_may_leave_out_the_rows_of_a_range_and_the_export_says_so(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_ERRORS = ["tests.jobs.test_errors_left_out.LEFT_OUT"]

    def piece(job: ExportJob, lease: Lease, *args: Any) -> Any:
        if getattr(lease.piece, "number", None) == 2:
            raise wrapped("22012")
        return extract.extract(job, lease, *args)

    monkeypatch.setattr(work, "extract", piece)
    job = ask()
    rows = data_rows(finish(job))
    assert rows == order_rows()[:100] + order_rows()[200:]
    job.refresh_from_db()
    assert job.issues_counted == {"closed_month": 1}
    issue = ExportIssue.objects.get(job=job)
    assert (issue.shard, issue.layer, issue.code) == (2, "business", "closed_month")
    assert issue.message.startswith("100 rows are left out: after ")
    (alarm,) = events(job, "alarm")
    assert "100 rows are left out" in alarm.message and "22012" in alarm.message


@pytest.mark.parametrize("name", ["plan", "render", "merge"])
def test_where_no_rows_are_read_none_are_left_out(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any, name: str
) -> None:
    orders(30)
    settings.EXPORTAPP_ERRORS = ["tests.jobs.test_errors_left_out.LEFT_OUT"]
    job = ask()
    break_piece(monkeypatch, name, wrapped("22012"))
    work.work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "closed_month")


def test_an_error_while_rows_are_left_out_is_judged_itself(
    orders: Orders, ask: Ask, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    orders(30)
    settings.EXPORTAPP_ERRORS = ["tests.jobs.test_errors_left_out.LEFT_OUT"]

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    job = ask()
    break_piece(monkeypatch, "extract", wrapped("22012"))
    monkeypatch.setattr("os.fsync", full)
    work.work(job.pk)
    monkeypatch.undo()
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "enospc")
    assert not ExportEvent.objects.filter(job=job, kind="alarm").exists()
