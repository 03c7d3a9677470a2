"""The command as an operator meets it: real processes, a real database, exit codes and files."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import ROOT, House, wait_for
from tests.oracle import TITLES, comparable, data_rows, sheet_parts, sheets

SMALL = {"TEST_SETTINGS": json.dumps({"EXPORTAPP_SHARD_ROWS": 100, "EXPORTAPP_BATCH_ROWS": 50})}
SLOW = {
    "TEST_SETTINGS": json.dumps(
        {"EXPORTAPP_SHARD_ROWS": 100, "EXPORTAPP_BATCH_ROWS": 5, "EXPORTAPP_BEAT_SECONDS": 0.001}
    )
}

BuildHouse = Callable[..., House]


@pytest.fixture
def shop(build_house: BuildHouse) -> House:
    return build_house(orders=2000)


def numbers(
    house: House, where: str = "1 = 1", order: str = "created_at DESC, id DESC"
) -> list[list[str]]:
    return [
        list(row)
        for row in house.rows(f"SELECT number FROM shop_order WHERE {where} ORDER BY {order}")
    ]


def test_it_needs_no_redis_and_writes_every_value(shop: House, tmp_path: Path) -> None:
    shop.valkey.stop()
    target = tmp_path / "o.xlsx"
    done = shop.manage("export_excel", "shop.Order", "--output", str(target), **SMALL)
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout and "2,000 rows" in done.stdout
    (rows,) = sheets(target).values()
    assert rows[0] == TITLES
    expected = shop.rows(
        "SELECT o.number, c.name, o.amount, o.currency, o.reference, o.gift, o.note"
        " FROM shop_order o JOIN shop_customer c ON c.id = o.customer_id"
        " ORDER BY o.created_at DESC, o.id DESC"
    )
    found = [[row[column] for column in (0, 1, 3, 4, 7, 9, 10)] for row in rows[1:]]
    assert found == [
        [comparable(value) for value in (*row[:5], bool(row[5]), row[6])] for row in expected
    ]


def test_filters_search_order_and_columns_are_the_admin_s(shop: House, tmp_path: Path) -> None:
    target = tmp_path / "paid.xlsx"
    done = shop.manage(
        *("export_excel", "shop.Order", "-o", str(target), "--json"),
        *("--filter", "status=paid", "--search", "SO-0000", "--order", "-number"),
        *("--columns", "number, customer__name"),
    )
    assert done.returncode == 0, done.stderr
    found = data_rows(target)
    expected = numbers(shop, "status = 'paid' AND number LIKE '%%SO-0000%%'", "number DESC")
    assert expected and [row[:1] for row in found] == expected
    result = json.loads(done.stdout)
    assert result["state"] == "succeeded"
    assert result["files"][0]["rows"] == len(found)
    assert result["files"][0]["path"] == str(target)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("shop.Oder", 2, ["Unknown model 'shop.Oder'", "shop.Order"]),
        ("shop.Order --columns nmber", 2, ["column 'nmber'", "number"]),
        ("shop.Order --filter sttus=paid", 2, ["sttus", "status"]),
        ("shop.Order --filter status", 2, ["--filter", "name=value"]),
        ("shop.Order --filter gift=perhaps", 2, ["gift", "perhaps"]),
        ("shop.Order --order -creatd", 2, ["creatd", "created_at"]),
        ("shop.Order --output /nonexistent/o.xlsx", 2, ["/nonexistent", "does not exist"]),
        ("shop.Order --output /", 2, ["is a folder"]),
        ("shop.Order --output o.xlsx --queue", 2, ["--watch"]),
        ("shop.Order --user nobody", 2, ["user 'nobody'"]),
        ("shop.Order --policy maybe", 2, ["--policy", "blank"]),
        ("--resume nonsense", 2, ["no export 'nonsense'", "--list"]),
        ("shop.Order --list --status x", 2, ["not allowed with"]),
        ("", 2, ["Give a model"]),
    ],
)
def test_bad_input_is_one_line_at_the_door(
    door: House, arguments: str, code: int, said: list[str]
) -> None:
    done = door.manage("export_excel", *shlex.split(arguments))
    assert done.returncode == code, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert all(part in line for part in said), line
    assert "Traceback" not in done.stderr
    assert door.rows("SELECT count(*) FROM exportapp_exportjob") == [(0,)]
    assert not door.exports.exists()


def test_a_person_without_the_right_is_refused(shop: House, tmp_path: Path) -> None:
    made = shop.manage("createsuperuser", "--noinput", "--username", "eve", "--email", "e@x.org")
    assert made.returncode == 0, made.stderr
    shop.rows("UPDATE auth_user SET is_superuser = %s", [False])
    done = shop.manage(
        "export_excel", "shop.Order", "--user", "eve", "-o", str(tmp_path / "o.xlsx")
    )
    assert done.returncode == 1
    assert "eve" in done.stderr and "shop.export_order" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_one_line_and_leaves_no_half_file(
    build_house: BuildHouse, tmp_path: Path
) -> None:
    shop = build_house(orders=2000, database="postgresql")
    command = shop.command("export_excel", "shop.Order", "-o", str(tmp_path / "o.xlsx"))
    # Files of this process may have 64 KiB: writing more says "File too large", as a quota does.
    limited = ["bash", "-c", f"ulimit -f 64; exec {shlex.join(command)}"]
    done = subprocess.run(
        limited, cwd=ROOT, env=shop.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert "File too large" in line and "--resume" in line
    assert list(tmp_path.iterdir()) == []
    assert not list(shop.exports.rglob("*.part"))
    job_id = line.rpartition(" ")[2]
    resumed = shop.manage("export_excel", "--resume", job_id, "-o", str(tmp_path / "o.xlsx"))
    assert resumed.returncode == 0, resumed.stderr
    assert [row[:1] for row in data_rows(tmp_path / "o.xlsx")] == numbers(shop)


def test_a_killed_export_goes_on_where_it_was(shop: House, tmp_path: Path) -> None:
    process = shop.start("export_excel", "shop.Order", "-o", str(tmp_path / "o.xlsx"), **SLOW)
    rendered = "SELECT number, fence FROM exportapp_exportshard WHERE status = 'rendered'"
    wait_for(lambda: len(shop.rows(rendered)) >= 5, what="five shards are rendered")
    process.kill()
    before = dict(shop.rows(rendered))
    assert 5 <= len(before) < 20, "killed in the middle"
    assert not (tmp_path / "o.xlsx").exists()
    ((job_id,),) = shop.rows("SELECT id FROM exportapp_exportjob WHERE status = 'rendering'")
    resumed = shop.manage("export_excel", "--resume", str(job_id), "-o", str(tmp_path / "o.xlsx"))
    assert resumed.returncode == 0, resumed.stderr
    after = dict(shop.rows(rendered))
    assert {number: after[number] for number in before} == before
    undisturbed = tmp_path / "undisturbed.xlsx"
    assert shop.manage("export_excel", "shop.Order", "-o", str(undisturbed)).returncode == 0
    assert sheet_parts(tmp_path / "o.xlsx") == sheet_parts(undisturbed)
    assert data_rows(tmp_path / "o.xlsx") == data_rows(undisturbed)
    assert not list(shop.exports.rglob("*.part"))


def test_an_interrupted_export_says_how_to_go_on(shop: House, tmp_path: Path) -> None:
    target = tmp_path / "o.xlsx"
    process = shop.start("export_excel", "shop.Order", "-o", str(target), **SLOW)
    extracted = "SELECT count(*) FROM exportapp_exportshard WHERE status = 'extracted'"
    wait_for(lambda: shop.rows(extracted) > [(3,)], what="three shards are extracted")
    process.signal(signal.SIGINT)
    assert process.wait() == 130
    line = process.log().strip().splitlines()[-1]
    assert "export_excel --resume" in line and str(target) in line
    assert shop.rows("SELECT status FROM exportapp_exportjob") == [("paused",)]
    assert not list(shop.exports.rglob("*.part"))
    again = shop.manage(*shlex.split(line.partition("Go on: ")[2]))
    assert again.returncode == 0, again.stderr
    assert [row[:1] for row in data_rows(target)] == numbers(shop)


def test_two_workers_share_the_shards_of_one_export(shop: House, tmp_path: Path) -> None:
    shop.start_worker(**SLOW)
    shop.start_worker(**SLOW)
    target = tmp_path / "o.xlsx"
    done = shop.manage(
        *("export_excel", "shop.Order", "--queue", "--watch", "-o", str(target)), **SMALL
    )
    assert done.returncode == 0, done.stderr
    assert [row[:1] for row in data_rows(target)] == numbers(shop)
    workers = shop.rows("SELECT DISTINCT worker FROM exportapp_exportevent WHERE kind = 'rendered'")
    assert len(workers) == 2


def test_exports_are_listed_paused_cancelled_and_looked_at(shop: House) -> None:
    asked = shop.manage("export_excel", "shop.Order", "--queue")
    job_id = asked.stdout.strip()
    paused = shop.manage("export_excel", "--pause", job_id)
    assert "Paused" in paused.stdout
    looked = json.loads(shop.manage("export_excel", "--status", job_id, "--json").stdout)
    assert (looked["id"], looked["state"]) == (job_id, "paused")
    assert "Cancelled" in shop.manage("export_excel", "--cancel", job_id).stdout
    again = shop.manage("export_excel", "--pause", job_id)
    assert again.returncode == 1 and "Cancelled" in again.stderr
    listed = shop.manage("export_excel", "--list").stdout
    assert job_id in listed and "Cancelled" in listed
    machine = json.loads(shop.manage("export_excel", "--list", "--json").stdout)
    assert [job["id"] for job in machine] == [job_id]


def test_the_reconciler_finishes_what_a_killed_command_began(shop: House) -> None:
    process = shop.start("export_excel", "shop.Order", **SLOW)
    rendered = "SELECT count(*) FROM exportapp_exportshard WHERE status = 'rendered'"
    wait_for(lambda: shop.rows(rendered) > [(2,)], what="three shards are rendered")
    process.kill()
    # As if it had been a while ago.
    past = "CURRENT_TIMESTAMP - INTERVAL '5 minutes'"
    if "sqlite" in shop.database_url:
        past = "datetime('now', '-5 minutes')"
    shop.rows(f"UPDATE exportapp_exportevent SET at = {past}")
    shop.start_worker(**SMALL)
    first = shop.manage("export_reconcile")
    assert "1 exports looked after" in first.stdout, first.stderr
    shop.rows(f"UPDATE exportapp_exportevent SET at = {past}")
    shop.manage("export_reconcile")
    state = "SELECT status FROM exportapp_exportjob"
    wait_for(lambda: shop.rows(state) == [("succeeded",)], what="a worker finishes it")
