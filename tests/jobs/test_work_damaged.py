"""What the work does with a damaged shard: it is made again, and no more than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exportapp.jobs import files, work
from exportapp.models import ExportJob, ExportShard
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.jobs.test_work import events, step_until
from tests.oracle import data_rows, order_rows

Ask = Callable[..., ExportJob]
Orders = Callable[[int], None]


def test_a_shard_damaged_before_the_merge_is_made_again_and_only_that(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=3)
    path = files.local_path(shard.xlsx_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    fences = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    assert data_rows(finish(job)) == order_rows()
    after = dict(ExportShard.objects.filter(job=job).values_list("number", "fence"))
    assert after == fences | {3: fences[3] + 1}
    assert [event.shard for event in events(job, "damaged")] == [3]


def test_rows_of_a_truncated_spool_file_are_read_again(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "rendering")
    work.step(job)
    shard = ExportShard.objects.get(job=job, number=2)
    path = files.local_path(shard.arrow_path)
    path.write_bytes(path.read_bytes()[:-100])
    # Meanwhile a row went: everything behind it moves up, also what was rendered in its old place.
    gone = Order.objects.values_list("pk", flat=True)[150]
    Order.objects.filter(pk=gone).delete()
    assert data_rows(finish(job)) == order_rows()
    assert ExportShard.objects.get(job=job, number=1).fence == 2


def test_when_counts_change_what_was_rendered_for_another_place_is_made_again(
    orders: Orders, ask: Ask, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask()
    step_until(job, "merging")
    shard = ExportShard.objects.get(job=job, number=2)
    for path in (shard.xlsx_path, shard.arrow_path):
        files.local_path(path).write_bytes(b"not what was committed")
    Order.objects.filter(pk=Order.objects.values_list("pk", flat=True)[150]).delete()
    assert data_rows(finish(job)) == order_rows()
    fences = ExportShard.objects.filter(job=job).order_by("number").values_list("fence", flat=True)
    assert fences[0] == 2, "what lies before it keeps its place"
    assert all(fence > 2 for fence in fences[1:])
