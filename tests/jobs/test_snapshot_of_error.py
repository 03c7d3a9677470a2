"""What an engineer finds of a failure when everything else is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from exportapp.jobs import snapshot, transitions, work
from exportapp.jobs.reconcile import reconcile, recover
from exportapp.jobs.retention import expire
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState
from tests.jobs.test_reconcile import lose

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]

VALUE = "value-of-a-row"


@pytest.fixture
def job(orders: Orders, ask: Ask, settings: Any) -> ExportJob:
    """Three shards, planned and not yet read."""
    orders(30)
    settings.EXPORTAPP_SHARD_ROWS = 10
    job = ask(query={"status": ["paid", "shipped", "new", "cancelled"]})
    work.step(job)
    work.step(job)
    return job


def fail_second(job: ExportJob, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Fail its second shard with an error that has a cause; returns the snapshot."""
    work.step(job)

    def failing(*args: Any) -> None:
        secret = VALUE  # noqa: F841  (a local variable is no part of a trace)
        try:
            json.loads("{")
        except ValueError as error:
            raise ZeroDivisionError("nothing to divide") from error

    with monkeypatch.context() as broken:
        broken.setattr(work, "extract", failing)
        work.step(job)
    job.refresh_from_db()
    assert job.status == JobState.FAILED
    found: dict[str, Any] = job.error_snapshot
    return found


def test_it_says_what_was_asked_where_it_failed_and_with_what(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fail_second(job, monkeypatch)
    shard = ExportShard.objects.get(job=job, number=2)
    assert found["selection"] == job.selection and found["columns"] == job.columns
    assert found["spec_fingerprint"] == job.spec_fingerprint
    assert found["shard"]["number"] == 2 and found["fence"] == shard.fence
    assert (found["shard"]["after"], found["shard"]["upto"]) == (shard.after, shard.upto)
    assert found["error"]["code"] == job.error_code and "nothing to divide" in str(found["error"])
    assert f"/{os.getpid()}/" in found["worker"]
    assert found["trace_id"] == job.trace_id and found["at"].startswith("20")
    versions = found["versions"]
    assert versions["database"].startswith(connection.vendor)
    assert all(versions[name] for name in ("Django", "pyarrow", "rq", "python", "exportapp"))


def test_its_traces_name_code_and_neither_values_nor_the_machine(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fail_second(job, monkeypatch)
    error, cause = found["traces"]
    assert error["type"] == "builtins.ZeroDivisionError"
    assert cause["type"] == "json.decoder.JSONDecodeError"
    assert any(frame.startswith("exportapp/jobs/work.py:") for frame in error["frames"])
    assert cause["frames"][-1].startswith("json/decoder.py:")
    assert VALUE not in json.dumps(found)
    assert not any(frame.startswith("/") for trace in found["traces"] for frame in trace["frames"])


def test_it_is_written_with_the_failure_or_not_at_all(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("the server is gone")

    monkeypatch.setattr(transitions, "record", cut)
    with pytest.raises(DatabaseError):
        transitions.fail(job, "code", "error")
    job.refresh_from_db()
    assert (job.status, job.error_snapshot) == ("extracting", None)


def test_it_outlives_the_files(job: ExportJob, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fail_second(job, monkeypatch)
    ExportJob.objects.update(expires_at=Now() - timedelta(seconds=1))
    assert expire() == 1
    job.refresh_from_db()
    assert (job.status, job.error_snapshot) == ("expired", found)


def test_a_shard_that_kills_its_workers_has_one_as_well(job: ExportJob) -> None:
    for _ in range(3):
        shard = lose(job)
        recover(job)
    job.refresh_from_db()
    assert job.error_snapshot["error"]["code"] == "poison"
    assert job.error_snapshot["shard"]["upto"] == shard.upto
    assert job.error_snapshot["shard"]["lost_leases"] == 3
    assert job.error_snapshot["traces"] == []
    assert reconcile() == 0


def test_however_much_was_asked_it_stays_small(job: ExportJob) -> None:
    job.selection["keys"] = [f"key-{number:0500}" for number in range(5000)]
    job.columns = [{"key": "x" * 5000} for _ in range(200)]
    error = RuntimeError("e" * 100_000)
    found = snapshot.take_snapshot(job, "code", "m" * 100_000, shard=None, cause=error)
    assert len(json.dumps(found)) <= snapshot.MOST_BYTES
    assert found["columns"] == "left out: too long"
    assert found["error"]["message"].endswith("… (100000)")
    assert found["versions"]["python"]


def test_what_a_database_takes_in_no_text_does_not_hide_the_failure(job: ExportJob) -> None:
    error = ValueError("a \0 and half a \ud83d")
    told = "quoted by its repr"
    assert transitions.fail(job, "code", told, cause=error)
    job.refresh_from_db()
    assert job.error_snapshot["traces"][0]["message"] == "a \\0 and half a \\ud83d"


def test_the_command_shows_it_to_machines(job: ExportJob, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fail_second(job, monkeypatch)
    out = StringIO()
    call_command("export_excel", status=str(job.pk), json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert told["error_snapshot"] == found
    assert told["trace_id"] == job.trace_id
    out = StringIO()
    call_command("export_excel", list=True, json=True, stdout=out)
    assert "error_snapshot" not in json.loads(out.getvalue())[0]


@pytest.mark.parametrize("superuser", [True, False])
def test_the_page_has_it_folded_for_superusers_only(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch, client: Any, superuser: bool
) -> None:
    from django.contrib.auth.models import Permission, User

    user = User.objects.create_user("ann", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.all())
    fail_second(job, monkeypatch)
    ExportJob.objects.update(requested_by=user)
    client.force_login(user)
    page = client.get(f"/admin/exportapp/exportjob/{job.pk}/change/").content.decode()
    assert ('<details id="export-snapshot"' in page) is superuser
    assert ("json.decoder.JSONDecodeError" in page) is superuser
    assert "<details open" not in page
