"""The harness on few rows: it must measure what it says, and see through who writes too little."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from benchmarks import __main__ as benchmark
from benchmarks import report, rotation
from benchmarks.arena import Arena, build
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.huge import huge
from benchmarks.load import load
from benchmarks.profile import profile
from benchmarks.scale import scale
from benchmarks.seeding import COLUMNS
from benchmarks.skew import skew
from tests.services import Services

ROWS = 2000
KEYS = ("openpyxl", "ours-orm", "ours-instances", "ours-copy", "ours-2-workers")
"""Every way of ours once; more workers are only more of the same processes."""


@pytest.fixture(scope="module")
def arena(servers: Services) -> Iterator[Arena]:
    with build(servers.postgres) as arena:
        arena.grow(ROWS)
        yield arena


def cells(text: str) -> dict[str, list[str]]:
    """The cells of a Markdown table by the first of each row."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return {first: rest for first, *rest in (line.split(" | ") for line in lines[2:])}


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """Header and rows of the first sheet."""
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        rows = book.worksheets[0].iter_rows(values_only=True)
        # openpyxl writes 16 digits of a float, which is one less than it takes.
        return [
            tuple(round(cell, 9) if isinstance(cell, float) else cell for cell in row)
            for row in rows
        ]


def contender(key: str) -> Contender:
    return next(each for each in CONTENDERS if each.key == key)


def deadline() -> float:
    """Later than any of this takes, however busy the machine is."""
    return time.monotonic() + 250


def test_every_contender_has_a_line_of_figures_and_a_file_with_the_rows(
    arena: Arena, tmp_path: Path
) -> None:
    chosen = [contender(key) for key in ("limit", *KEYS)]

    results = rotation.rotate(arena, chosen, 1, deadline(), print, tmp_path)

    table = cells(report.peers(results))
    assert list(table) == [each.title for each in chosen]
    for each in chosen:
        rows, seconds, *_, peak, size, runs = table[each.title]
        assert (rows, runs) == (f"{each.rows(ROWS):,}", "1")
        assert float(seconds) > 0 and float(size) > 0
        # psql is done with so few rows before anybody looks at its memory.
        assert float(peak) > 50 or each.key == "limit"
    reference = rows_of(tmp_path / "openpyxl.xlsx")
    assert reference[0] == COLUMNS
    assert [row[0] for row in reference[1:]] == list(range(1, ROWS + 1))
    for key in KEYS:
        # Times: openpyxl's lost their zone, ours are in the viewer's; both are UTC here.
        assert rows_of(tmp_path / f"{key}.xlsx")[1:] == reference[1:], key


def test_a_file_with_too_few_rows_fails_its_contender_and_no_other(arena: Arena) -> None:
    too_many = dataclasses.replace(arena, rows=ROWS + 1)
    lost = dataclasses.replace(contender("openpyxl"), key="nobody", title="Nobody")
    short = contender("openpyxl")
    right = dataclasses.replace(short, most_rows=500, title="Modest")
    said: list[str] = []

    results = rotation.rotate(too_many, [short, lost, right], 2, deadline(), said.append)

    assert [len(result.runs) for result in results] == [0, 0, 2]
    assert results[0].failed == "its file holds 2,000 rows, not 2,001"
    assert "KeyError" in results[1].failed
    words = [line.split()[0].rstrip(":") for line in said]
    assert words == ["openpyxl", "Nobody", "Modest", "Modest"]
    assert results[0].failed in cells(report.peers(results))[short.title][1]


def test_a_file_with_another_value_fails_its_contender(arena: Arena) -> None:
    arena.digests(ROWS)
    change = "UPDATE benchmarks_sale SET note = %s WHERE id = 7"
    ((note,),) = arena.house.rows("SELECT note FROM benchmarks_sale WHERE id = 7")
    arena.house.rows(change, ["other"])
    try:
        (result,) = rotation.rotate(arena, [contender("openpyxl")], 1, deadline(), print)
    finally:
        arena.house.rows(change, [note])

    assert result.runs == []
    assert result.failed == "its file holds other values in note"


def test_no_run_starts_after_the_deadline(arena: Arena) -> None:
    (result,) = rotation.rotate(arena, [contender("limit")], 3, time.monotonic(), print)

    assert result.runs == []
    assert cells(report.peers([result]))[result.contender.title][1] == "no run"


def test_what_is_not_installed_is_left_out_loudly() -> None:
    said: list[str] = []
    missing = dataclasses.replace(contender("openpyxl"), module="no_such_package.writer")

    assert not benchmark.is_there(missing, said.append)
    assert "LEFT OUT" in said[0]


def test_the_table_of_sizes_has_a_line_of_figures_for_each(arena: Arena) -> None:
    table = cells(scale(dataclasses.replace(arena), [300], deadline(), print))

    assert list(table) == ["300"]
    for seconds, rate, peak, claim, *_, shards, statements, commands in table.values():
        figures = (seconds, rate.replace(",", ""), peak, claim, shards, statements, commands)
        assert all(float(figure) > 0 for figure in figures), figures
        assert float(claim) <= float(seconds) + 0.1


def test_the_table_of_skewed_rows_has_both_ways_in_turn(arena: Arena) -> None:
    table = cells(skew(dataclasses.replace(arena), 300, 1, deadline(), print))

    assert list(table) == ["shards by bytes", "shards by rows"]
    for shards, seconds, mean, p95, longest, largest, peak, runs in table.values():
        assert (shards, runs) == ("1", "1")
        assert 0 < float(mean) <= float(p95) <= float(longest) <= float(seconds)
        assert float(peak) > 50 and float(largest) >= 0


def test_the_figures_of_one_large_export_add_up(arena: Arena) -> None:
    figures = cells(huge(dataclasses.replace(arena), ROWS, print))

    assert figures["rows × columns"] == [f"{ROWS:,} × 11"]
    names = ("seconds", "largest process, MiB", "most on disk for shards and files, GB", "merge, s")
    assert all(float(figures[name][0].replace(",", "")) >= 0 for name in names)


def test_the_load_is_counted_and_nothing_of_it_stays(arena: Arena) -> None:
    said: list[str] = []

    table = cells(load(dataclasses.replace(arena), ROWS, 3, 1, 3, said.append))

    assert table["errors"][:3] == ["0", "0", "0"], said
    assert table["clients that poll"][:3] == ["1", "1", "3"]
    idle, exporting, loaded = table["rows/s of the exports"][:3]
    assert idle == "0" and "0" not in (exporting, loaded)
    *others, files, _, _ = table["files with the right SHA-256"]
    assert others == ["0", "0"] and files != "0"
    for name in ("p50 of a poll, ms", "p99 of a page's poll, ms", "largest web process, MiB"):
        assert all(float(figure) > 0 for figure in table[name]), name
    assert int(table["most database connections"][2]) > 0
    # A finished export has not changed since the last look.
    assert int(table["of them 304, %"][0]) > 50
    assert not arena.house.processes()


def test_the_profile_names_each_step_and_its_steps_are_part_of_the_whole(arena: Arena) -> None:
    found = cells(profile(arena, ROWS, print))
    whole = float(found.pop("**the whole export in one process**")[0])
    server = float(found.pop("PostgreSQL for `\\copy` of the same rows")[0])
    beside = [float(found.pop(part)[0]) for part in list(found) if part.startswith("of it, ")]
    assert len(beside) == 4 and sum(beside[:3]) == pytest.approx(beside[3], abs=0.002)
    assert min(beside) > 0
    steps = [float(seconds) for seconds, _ in found.values()]
    assert len(steps) == 9 and sum(steps) == pytest.approx(whole, abs=0.1)
    assert min(steps) >= 0 and server >= 0 and max(steps[:-1]) > 0
