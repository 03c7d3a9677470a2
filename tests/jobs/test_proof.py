"""What is made again when rows turn out to be others than the layout was made for, and what is not.

Each test has the file of a shard damaged when all is rendered, and the rows changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exportapp.exceptions import ExportError
from exportapp.jobs import files
from exportapp.jobs.book import Book
from exportapp.jobs.merge import _sheets, prove
from exportapp.models import ExportEvent, ExportJob, ExportShard
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.jobs.test_work import step_until
from tests.oracle import data_rows, order_rows, sheets

Orders = Callable[[int], None]
Ask = Callable[..., ExportJob]

SHARDS = 5
ROWS = 20


@pytest.fixture
def rendered(orders: Orders, ask: Ask, settings: Any) -> Callable[..., ExportJob]:
    """An export of five shards of 20 rows, in the order of the key, about to be merged.

    `first` is done to the rows before it is asked for.
    """

    def make(sheet_rows: int = 1_048_575, first: Callable[[], object] = lambda: None) -> ExportJob:
        settings.EXPORTAPP_SHARD_ROWS = ROWS
        settings.EXPORTAPP_SHEET_ROWS = sheet_rows
        orders(SHARDS * ROWS)
        first()
        job = ask(order=("pk",))
        step_until(job, "merging")
        return job

    return make


def harm(job: ExportJob, number: int, *kinds: str) -> None:
    shard = ExportShard.objects.get(job=job, number=number)
    for kind in kinds:
        files.local_path(getattr(shard, f"{kind}_path")).write_bytes(b"not what was committed")


def key_of(place: int) -> int:
    """The key of the row at this place of the export, from 0."""
    return int(Order.objects.order_by("pk").values_list("pk", flat=True)[place])


def made_again(job: ExportJob, kind: str) -> list[int | None]:
    """The shards that were extracted or rendered twice."""
    events = ExportEvent.objects.filter(job=job, kind=kind).order_by("pk")
    return list(events.values_list("shard", flat=True))[SHARDS:]


def require_right(job: ExportJob) -> None:
    assert data_rows(finish(job)) == order_rows(Order.objects.order_by("pk"))


def test_a_rendered_file_alone_is_rendered_again_from_the_rows_that_were_read(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered()
    before = order_rows(Order.objects.order_by("pk"))
    harm(job, 3, "xlsx")
    # The database is not asked again: what was read is what the file has.
    Order.objects.filter(pk=key_of(45)).delete()
    assert data_rows(finish(job)) == before
    assert (made_again(job, "extracted"), made_again(job, "rendered")) == ([], [3])


def test_rows_that_are_read_again_and_are_as_many_move_nobody(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered()
    harm(job, 3, "xlsx", "arrow")
    Order.objects.filter(pk=key_of(45)).update(note="another text")
    require_right(job)
    assert (made_again(job, "extracted"), made_again(job, "rendered")) == ([3], [3])


def test_fewer_rows_move_what_lies_behind_and_nothing_before(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered()
    harm(job, 3, "xlsx", "arrow")
    Order.objects.filter(pk=key_of(45)).delete()
    require_right(job)
    assert (made_again(job, "extracted"), made_again(job, "rendered")) == ([3], [3, 4, 5])


def test_more_rows_move_what_lies_behind_and_nothing_before(
    rendered: Callable[..., ExportJob],
) -> None:
    kept: list[Order] = []

    def take_one_out() -> None:
        kept.append(Order.objects.get(pk=key_of(45)))
        Order.objects.filter(pk=kept[0].pk).delete()

    job = rendered(first=take_one_out)
    harm(job, 3, "xlsx", "arrow")
    kept[0].save(force_insert=True)
    require_right(job)
    assert (made_again(job, "extracted"), made_again(job, "rendered")) == ([3], [3, 4, 5])


def test_a_shard_that_has_no_rows_any_more_leaves_no_gap(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered()
    harm(job, 2, "xlsx", "arrow")
    keys = [key_of(place) for place in range(ROWS, 2 * ROWS)]
    Order.objects.filter(pk__in=keys).delete()
    require_right(job)
    assert made_again(job, "rendered") == [2, 3, 4, 5]


def test_on_sheets_that_are_cut_by_rows_whoever_moves_is_made_again(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered(sheet_rows=50)
    harm(job, 1, "xlsx", "arrow")
    Order.objects.filter(pk=key_of(5)).delete()
    require_right(job)
    assert made_again(job, "rendered") == [1, 2, 3, 4, 5]
    found = sheets(files.local_path(job.files.get().path))
    assert [len(rows) - 1 for rows in found.values()] == [50, 49]


def test_one_number_that_became_too_long_makes_its_column_text_in_every_shard(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered(first=lambda: Order.objects.update(ledger_no=7))
    harm(job, 3, "xlsx", "arrow")
    Order.objects.filter(pk=key_of(45)).update(ledger_no=10**17)
    require_right(job)
    assert made_again(job, "extracted") == [3]
    assert sorted(made_again(job, "rendered")) == [1, 2, 3, 4, 5]


def test_a_wider_value_moves_nobody(rendered: Callable[..., ExportJob]) -> None:
    job = rendered(first=lambda: Order.objects.update(note=""))
    assert job.layout is not None
    before = job.layout["widths"]
    harm(job, 3, "xlsx", "arrow")
    Order.objects.filter(pk=key_of(45)).update(note="wider than its title")
    require_right(job)
    assert job.layout["widths"] != before
    assert made_again(job, "rendered") == [3]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows_rendered": 19}, "Row counts of 'Orders' differ"),
        ({"rows_extracted": 21}, "Row counts of 'Orders' differ"),
    ],
)
def test_counts_that_differ_stop_the_merge(
    rendered: Callable[..., ExportJob], changes: dict[str, int], said: str
) -> None:
    job = rendered()
    ExportShard.objects.filter(job=job, number=3).update(**changes)
    with pytest.raises(ExportError, match=said):
        prove(_sheets(job, Book.of(job)), Book.of(job), job)


def test_a_span_that_is_missing_stops_the_merge_and_names_the_sheet(
    rendered: Callable[..., ExportJob],
) -> None:
    job = rendered(sheet_rows=50)
    shard = ExportShard.objects.get(job=job, number=5)
    ExportShard.objects.filter(pk=shard.pk).update(spans={"v": 1, "spans": []})
    with pytest.raises(ExportError, match="Sheet 2 has place for 50 rows; its spans hold 30"):
        prove(_sheets(job, Book.of(job)), Book.of(job), job)
