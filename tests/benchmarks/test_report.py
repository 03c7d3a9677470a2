from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from benchmarks import metadata, plot, report
from benchmarks.contenders import LIMIT, Contender
from benchmarks.rotation import Result, Run
from benchmarks.verify import BLOCK_BYTES, rows_in

PEER = Contender("peer", "A peer", "peer", "peer", most_rows=50_000)
OURS = Contender("ours", "Ours", "exportapp", "exportapp")


def run(seconds: float) -> Run:
    return Run(seconds=seconds, cpu=1.0, server_cpu=0.5, peak=100 * 2**20, size=2**20)


def test_figures_are_medians_and_ratios_are_per_row() -> None:
    limit = Result(LIMIT, 1_000_000, [run(1.0), run(2.0), run(30.0)])
    peer = Result(PEER, 50_000, [run(5.0)])

    lines = report.peers([limit, peer]).splitlines()

    assert lines[2].split(" | ")[1:5] == ["1,000,000", "2.00", "500,000", "1.00"]
    assert lines[3].split(" | ")[1:5] == ["50,000", "5.00", "10,000", "50.00"]


def test_our_best_is_held_against_each_peer_by_rows_a_second() -> None:
    limit = Result(LIMIT, 1_000_000, [run(1.0)])
    peer = Result(PEER, 50_000, [run(5.0)])
    slow, fast = (Result(OURS, 1_000_000, [run(seconds)]) for seconds in (4.0, 2.0))

    text = report.against([limit, peer, slow, fast])

    assert text == "- Ours: 50.00 × the rows/s of A peer\n"


def test_the_plot_has_every_contender_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    results = [Result(LIMIT, 1_000_000, [run(1.0)]), Result(PEER, 50_000, [run(5.0)])]
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"

    plot.save(results, one)
    plot.save(results, two)

    assert "A peer" in one.read_text() and "10,000" in one.read_text()
    assert one.read_bytes() == two.read_bytes()
    assert not plot.save([Result(PEER, 1)], tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


def test_metadata_comes_back_from_every_format_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "LOOPS", 1)
    facts = {"v": 1, "columns": [[10, 8, 0, 0, 0, 0, 0, 9], [2**40, 60, 1, 2, 3, 4, 5, 6]]}
    shard = {"facts": facts, "spans": {"v": 1, "spans": [[0, 4823, 2**31, 2**32, 2**32 - 1, 9]]}}

    lines = metadata.compare(shard)

    assert [title for title, *_ in lines] == [each.title for each in metadata.FORMATS]
    assert all(float(figure.replace(",", "")) > 0 for _, *figures in lines for figure in figures)


def test_what_is_hidden_is_not_found_and_costs_nothing() -> None:
    script = """
import sys
from importlib.util import find_spec
from benchmarks import alone
alone.hide("pandas")
import pyarrow
pyarrow.array([1])
assert find_spec("pandas") is None and "pandas" not in sys.modules
import decimal, psycopg
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_section_is_replaced_and_the_rest_of_the_page_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- peers -->\nold\n<!-- /peers -->\nafter\n")

    report.write_section(page, "peers", "new \\1")
    report.write_section(page, "peers", "newer \\1")

    assert page.read_text() == ("before\n<!-- peers -->\n\nnewer \\1\n\n<!-- /peers -->\nafter\n")


def test_a_page_without_the_section_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")

    with pytest.raises(report.NoPlace):
        report.write_section(page, "peers", "new")
    assert page.read_text() == "nothing here\n"


@pytest.mark.parametrize("name", report.SECTIONS)
def test_the_page_has_a_place_for_each_table(tmp_path: Path, name: str) -> None:
    page = tmp_path / "performance.md"
    page.write_text((Path(__file__).parents[2] / "docs" / "performance.md").read_text())

    report.write_section(page, name, "new")

    assert "\nnew\n" in page.read_text()


def test_a_row_that_lies_across_two_blocks_is_counted_once(tmp_path: Path) -> None:
    path, row = tmp_path / "rows.xlsx", b'<row r="1"><c/></row>'
    count = 2 * BLOCK_BYTES // len(row)
    assert BLOCK_BYTES % len(row) in range(1, len(b"<row "))
    with ZipFile(path, "w") as package:
        package.writestr("xl/worksheets/sheet1.xml", row * count)
        package.writestr("xl/worksheets/_rels/sheet1.xml.rels", row)

    assert rows_in(path) == count - 1


def test_the_machine_is_named_with_the_versions_that_matter() -> None:
    about = report.machine("18.4")

    assert "PostgreSQL 18.4" in about
    assert "openpyxl 3." in about
