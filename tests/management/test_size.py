"""Three million rows: more than two sheets hold, in memory that does not grow with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from python_calamine import CalamineWorkbook

from exportapp.xlsx import MAX_ROWS
from tests.house import ROOT, House

ROWS = 3_000_000
PEAK_KIB = 250_000_000 / 1024

# The kernel knows the peak of a child when it has ended (getrusage(2), in KiB on Linux).
WATCHED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def test_three_million_rows_make_three_sheets_in_flat_memory(
    build_house: Callable[..., House], tmp_path: Path
) -> None:
    # PostgreSQL makes the rows in seconds, on any run.
    shop = build_house(database="postgresql")
    shop.rows("DELETE FROM shop_customer")
    shop.rows(
        "INSERT INTO shop_customer (id, name, email, country, vip, joined)"
        " SELECT n, 'c' || n, '', 'DE', n %% 2 = 0, DATE '2020-01-01' + n %% 1000"
        " FROM generate_series(1, %s) n",
        [ROWS],
    )
    target = tmp_path / "customers.xlsx"
    command = shop.command(
        *("export_excel", "shop.Customer", "--columns", "id,vip,joined", "-o", str(target))
    )
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command],
        cwd=ROOT,
        env=shop.env,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "3,000,000 rows" in done.stdout
    assert int(done.stdout.split()[-1]) < PEAK_KIB
    book = CalamineWorkbook.from_path(str(target))
    firsts, counts = [], []
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        header, first = islice(sheet.iter_rows(), 2)
        firsts.append((header[0], first[0]))
        counts.append(sheet.height - 1)
    full = MAX_ROWS - 1
    assert counts == [full, full, ROWS - 2 * full]
    # The admin's list shows the newest first.
    assert firsts == [("ID", ROWS), ("ID", ROWS - full), ("ID", ROWS - 2 * full)]
