"""The modes of a workbook through whole exports: the same cells, whatever the file is like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from exportapp.jobs import files, lifecycle, work
from exportapp.jobs.layout import Layout
from exportapp.jobs.sharing import Strings, renumbered
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState
from exportapp.tables.selection import Selection, Viewer
from project.shop.models import Order
from tests.jobs.conftest import finish
from tests.oracle import TITLES, data_rows, order_rows, sheet_parts, sheets

Orders = Callable[[int], None]
AskFor = Callable[..., ExportJob]

STRINGS = "xl/sharedStrings.xml"
MODES = [
    {"strings": "auto"},
    {"strings": "shared"},
    {"compact": True},
    {"compact": True, "strings": "shared"},
]


@pytest.fixture
def ask_for(operator: Viewer) -> AskFor:
    """Ask for an export of the orders with options of its file."""

    def create(**options: Any) -> ExportJob:
        selection = Selection(source="shop.Order")
        return lifecycle.create(selection, operator, options=options, queue=False)[0]

    return create


def strings_in(path: Path) -> list[bytes]:
    with ZipFile(path) as archive:
        return archive.read(STRINGS).split(b"<si>")[1:]


@pytest.mark.parametrize("options", MODES, ids=str)
def test_every_cell_is_the_database_s_value_in_every_mode(
    orders: Orders, ask_for: AskFor, settings: Any, options: dict[str, Any]
) -> None:
    orders(900)
    settings.EXPORTAPP_SHARD_ROWS = 200
    settings.EXPORTAPP_SHEET_ROWS = 500
    path = finish(ask_for(**options))

    assert data_rows(path) == order_rows()
    assert all(rows[0] == TITLES for rows in sheets(path).values())
    assert len(sheets(path)) == 2


@pytest.mark.parametrize("options", MODES, ids=str)
def test_many_shards_make_the_same_parts_as_one_in_every_mode(
    orders: Orders, ask_for: AskFor, settings: Any, options: dict[str, Any]
) -> None:
    orders(600)
    whole = finish(ask_for(**options))
    parts = sheet_parts(whole)
    settings.EXPORTAPP_SHARD_ROWS = 70
    settings.EXPORTAPP_BATCH_ROWS = 33
    path = finish(ask_for(**options))

    if options.get("strings") != "shared":
        assert sheet_parts(path) == parts
    # Texts are numbered column by column in a batch, so that numbers differ with its size.
    assert data_rows(path) == data_rows(whole)


def test_auto_shares_the_columns_of_few_texts_and_no_others(
    orders: Orders, ask_for: AskFor
) -> None:
    orders(600)
    path = finish(ask_for(strings="auto"))
    (sheet,) = sheet_parts(path).values()
    shared = {text.partition(b"<t>")[2].partition(b"<")[0].decode() for text in strings_in(path)}

    assert {order.get_status_display() for order in Order.objects.all()} <= shared
    assert not {order.number for order in Order.objects.all()} & shared
    assert b'inlineStr"><is><t>' + Order.objects.all()[0].number.encode() in sheet


def test_no_text_is_inline_where_all_are_shared(orders: Orders, ask_for: AskFor) -> None:
    orders(300)
    path = finish(ask_for(strings="shared"))

    assert all(b"inlineStr" not in part for part in sheet_parts(path).values())


def test_a_shard_of_shared_strings_is_a_workbook_of_its_own(
    orders: Orders, ask_for: AskFor, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(300)
    settings.EXPORTAPP_SHARD_ROWS = 100
    monkeypatch.setattr(files, "remove_except", lambda job, keep: 0)
    job = ask_for(strings="shared")
    whole = sheets(finish(job))["Orders"]
    third = ExportShard.objects.get(job=job, number=3)
    rows = sheets(files.local_path(third.xlsx_path))["Orders"]

    assert rows[0] == TITLES
    assert rows[201:] == whole[201:]


def test_each_workbook_has_shared_strings_of_its_own(
    orders: Orders, ask_for: AskFor, settings: Any
) -> None:
    orders(1000)
    settings.EXPORTAPP_SHARD_ROWS = 100
    settings.EXPORTAPP_WORKBOOK_BYTES = 60_000
    job = ask_for(strings="shared")
    finish(job)
    paths = [files.local_path(file.path) for file in job.files.all()]

    assert len(paths) > 2
    assert [row for path in paths for row in data_rows(path)] == order_rows()
    assert len(strings_in(paths[-1])) < 1000 * len(TITLES) / len(paths)


def test_texts_that_move_with_a_lost_row_are_rendered_again(
    orders: Orders, ask_for: AskFor, settings: Any
) -> None:
    orders(500)
    settings.EXPORTAPP_SHARD_ROWS = 100
    job = ask_for(strings="shared")
    while job.status != JobState.MERGING:
        assert work.step(job)
        job.refresh_from_db()
    first = ExportShard.objects.get(job=job, number=1)
    for path in (first.xlsx_path, first.arrow_path):
        files.local_path(path).write_bytes(b"gone")
    # As many rows as before, but one text fewer: all numbers behind it move.
    Order.objects.filter(number=Order.objects.all()[20].number).update(note="", reference="")

    assert data_rows(finish(job)) == order_rows()


def test_an_empty_table_has_a_header_in_every_mode(orders: Orders, ask_for: AskFor) -> None:
    orders(0)
    for options in MODES:
        assert sheets(finish(ask_for(**options))) == {"Orders": [TITLES]}


def test_a_layout_keeps_its_strings_and_one_of_before_has_none() -> None:
    strings = Strings([["a", "b"], []], [3, 0, 2], shards=[2, 1], sheets=[1, 2])
    layout = Layout([3, 1, 1], [8.0, 8.0], [False, False], strings)

    assert Layout.from_json(layout.to_json()) == layout
    assert Layout.from_json({"v": 1, "sheets": [3], "widths": [8.0], "as_text": [False]}) == (
        Layout([3], [8.0], [False])
    )


def test_the_numbers_of_a_shard_follow_the_tables_and_the_shards_of_its_workbook() -> None:
    strings = Strings([["a", "b"], [], ["c"]], [3, 4, 2, 5], shards=[2, 2], sheets=[1, 1])

    assert [strings.before(shard) for shard in (1, 2, 3, 4)] == [0, 3, 0, 2]
    pools = [strings.pool(shard, 1) for shard in (1, 2, 3, 4)]
    assert [pool.first for pool in pools if pool] == [3, 6, 3, 5]
    assert strings.column(2) == {"shared": True, "table": ("c",), "first_string": 2}
    assert strings.column(1) == {"shared": True}


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        (Strings([["a"]], [3, 2], [2]), [False, False]),
        (Strings([["a"]], [4, 2], [2]), [False, True]),
        (Strings([["a", "b"]], [3, 2], [2]), [True, True]),
        (Strings([["a"]]), [True, True]),
        (None, [True, True]),
    ],
)
def test_a_shard_is_rendered_again_only_where_its_numbers_move(
    after: Strings | None, moved: list[bool]
) -> None:
    before = Strings([["a"]], [3, 2], [2])

    assert [renumbered(before, after, shard) for shard in (1, 2)] == moved
