"""A registered export through real workers."""

from __future__ import annotations

import json
from contextlib import suppress

import psutil
from openpyxl import load_workbook

from tests.house import wait_for


def test_workers_rebuild_the_export_from_its_name_and_parameters(build_house, tmp_path):
    house = build_house(orders=300)
    sharded = {"TEST_SETTINGS": json.dumps({"EXPORTAPP_SHARD_ROWS": 20})}
    for _ in range(2):
        house.start_worker(**sharded)
    asked = house.manage(
        "export_excel", "paid-orders", "--param=since=2020-01-01", "--queue", **sharded
    )
    assert asked.returncode == 0, asked.stderr
    wait_for(
        lambda: house.rows("SELECT status FROM exportapp_exportjob") == [("succeeded",)],
        what="the workers finish it",
    )
    output = tmp_path / "out.xlsx"
    given = house.manage("export_excel", "--resume", asked.stdout.strip(), "-o", str(output))
    assert given.returncode == 0, given.stderr
    header, *rows = load_workbook(output).worksheets[0].iter_rows(values_only=True)
    expected = house.rows(
        "SELECT number FROM shop_order WHERE status = 'paid' ORDER BY amount DESC, id DESC"
    )

    assert header[0] == "Number"
    assert [row[0] for row in rows] == [number for (number,) in expected]
    assert house.rows("SELECT count(*) > 1 FROM exportapp_exportshard") in ([(True,)], [(1,)])


def test_a_worker_that_is_killed_on_any_sheet_leaves_the_others_a_whole_workbook(
    build_house, tmp_path
):
    house = build_house(orders=300)
    settings = {"EXPORTAPP_SHARD_ROWS": 20, "EXPORTAPP_BATCH_ROWS": 2, "EXPORTAPP_LEASE_SECONDS": 3}
    sharded = {"TEST_SETTINGS": json.dumps(settings | {"EXPORTAPP_BEAT_SECONDS": 1})}
    workers = [house.start_worker(**sharded) for _ in range(2)]
    begun = "--param=since=2020-01-01"
    asked = house.manage("export_excel", "order-book", begun, "--queue", **sharded)
    assert asked.returncode == 0, asked.stderr

    def busy():
        read = "SELECT count(*) FROM exportapp_exportshard WHERE sheet = 1 AND status = 'extracted'"
        return house.rows(read) != [(0,)] and workers[0].horses

    for pid in [*wait_for(busy, what="lines are being read"), workers[0].pid]:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    wait_for(
        lambda: (
            house.manage("export_reconcile", **sharded)
            and house.rows("SELECT status FROM exportapp_exportjob") == [("succeeded",)]
        ),
        timeout=120,
        what="the other one finishes it",
    )
    output = tmp_path / "out.xlsx"
    given = house.manage("export_excel", "--resume", asked.stdout.strip(), "-o", str(output))
    assert given.returncode == 0, given.stderr
    found = {sheet.title: sheet for sheet in load_workbook(output).worksheets}

    for title, expected in (
        ("Orders", "SELECT number FROM shop_order ORDER BY amount DESC, id DESC"),
        (
            "Order lines",
            "SELECT number FROM shop_orderline JOIN shop_order ON order_id = shop_order.id "
            "ORDER BY shop_orderline.id",
        ),
    ):
        column = [row[0] for row in found[title].iter_rows(min_row=2, values_only=True)]
        assert column == [number for (number,) in house.rows(expected)]
    bought = house.rows("SELECT count(DISTINCT customer_id) FROM shop_order")
    assert [(found["Customers"].max_row - 1,)] == bought
