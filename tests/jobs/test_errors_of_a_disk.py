"""A disk that gives back something else than it was given, once or always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from exportapp.jobs import lifecycle, work
from exportapp.jobs.files import local_path
from exportapp.jobs.reconcile import reconcile
from exportapp.models import ExportJob, ExportShard
from tests.faults.harm import truncate
from tests.jobs.conftest import finish
from tests.oracle import data_rows, order_rows

SHARDS = 4
HURT = 2
BOUND = 3


@pytest.fixture
def job(orders: Callable[[int], None], ask: Callable[..., ExportJob], settings: Any) -> ExportJob:
    orders(SHARDS * 10)
    settings.EXPORTAPP_SHARD_ROWS = 10
    settings.EXPORTAPP_MAX_ATTEMPTS = BOUND
    return ask()


def hurt(monkeypatch: pytest.MonkeyPatch, step: str, field: str, times: float) -> None:
    """Before each of so many turns of `step` that read it, a file of one shard is cut."""
    original, done = getattr(work, step), Counter[str]()

    def on_a_bad_disk(job: ExportJob, *args: Any) -> Any:
        shard = ExportShard.objects.get(job=job, number=HURT)
        if done[step] < times and args[0].piece in (job, shard):
            done[step] += 1
            truncate(local_path(getattr(shard, field)))
        return original(job, *args)

    monkeypatch.setattr(work, step, on_a_bad_disk)


def made(job: ExportJob, kind: str) -> Counter[int]:
    return Counter(job.events.filter(kind=kind).values_list("shard", flat=True))


def once_each(hurt_one: int) -> Counter[int]:
    return Counter(dict.fromkeys(range(1, SHARDS + 1), 1) | {HURT: hurt_one})


on_each_file = pytest.mark.parametrize(
    ("step", "field", "kind"),
    [("render", "arrow_path", "extracted"), ("merge", "xlsx_path", "rendered")],
    ids=["arrow", "xlsx"],
)


@on_each_file
def test_files_that_are_damaged_each_time_are_for_a_person_to_see(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch, step: str, field: str, kind: str
) -> None:
    with monkeypatch.context() as always:
        hurt(always, step, field, float("inf"))
        work.work(job.pk)
        reconcile()

        job.refresh_from_db()
        code = {"render": "file_damaged", "merge": "shard_damaged"}[step]
        assert (job.status, job.error_code) == ("failed", code)
        assert f"shard {HURT}" in job.error and "digest differs" in job.error
        assert made(job, "damaged") == {HURT: BOUND}
        assert made(job, kind) == once_each(BOUND), "the others stay done"

        lifecycle.resume(job, queue=False)
        work.work(job.pk)
        job.refresh_from_db()
        assert (job.status, job.error_code) == ("failed", code)
        assert made(job, "damaged") == {HURT: 2 * BOUND}, "a person's word gives it as many again"

    lifecycle.resume(job, queue=False)
    assert data_rows(finish(job)) == order_rows()


@on_each_file
def test_a_file_that_is_damaged_less_often_is_made_again_without_a_person(
    job: ExportJob, monkeypatch: pytest.MonkeyPatch, step: str, field: str, kind: str
) -> None:
    hurt(monkeypatch, step, field, BOUND - 1)

    assert data_rows(finish(job)) == order_rows()

    assert made(job, "damaged") == {HURT: BOUND - 1}
    assert made(job, kind) == once_each(BOUND)
