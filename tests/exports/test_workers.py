"""A registered export through real workers."""

from __future__ import annotations

import json

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
