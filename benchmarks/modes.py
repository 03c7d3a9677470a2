"""What the modes of a workbook cost: time to write, bytes, and time and memory of who reads it."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy
import pyarrow as pa

from benchmarks.meter import run
from benchmarks.report import table
from benchmarks.rotation import Say
from exportapp.xlsx import Kind
from tests.xlsx.modes import MODES, Mode, write_in

SHARD_ROWS: Final = 25_000
SECONDS: Final = 600
"""The longest that a reader may take."""

HEADERS: Final = ["", "write s", "file MiB", "calamine s", "MiB", "openpyxl read-only s", "MiB"]
KINDS: Final = (
    Kind.INTEGER,
    Kind.TEXT,
    Kind.TEXT,
    Kind.TEXT,
    Kind.TEXT,
    Kind.INTEGER,
    Kind.DECIMAL,
    Kind.FLOAT,
    Kind.BOOLEAN,
    Kind.DATETIME,
    Kind.TEXT,
)
"""Of the columns of `seeding.SALES`."""

FIRMS: Final = ("Müller & Sons", "Åse <Lager> AS", "Ng Trading", "東京商店", "O'Hara plc")
STATES: Final = ("new", "paid", "packed", "shipped", "returned")
BEGIN: Final = 1_672_552_800_000_000
"""2023-01-01 06:00 in microseconds since 1970."""

READERS: Final = {
    "calamine": """
import sys, time, python_calamine
begin = time.process_time()
book = python_calamine.CalamineWorkbook.from_path(sys.argv[1])
rows = sum(1 for row in book.get_sheet_by_index(0).iter_rows())
print(rows, time.process_time() - begin)
""",
    "openpyxl read-only": """
import sys, time, openpyxl
begin = time.process_time()
book = openpyxl.load_workbook(sys.argv[1], read_only=True)
rows = sum(1 for row in book.worksheets[0].iter_rows(values_only=True))
print(rows, time.process_time() - begin)
""",
}


def modes(rows: int, runs: int, say: Say) -> str:
    """`rows` rows in each mode, as a Markdown table; each is written `runs` times in turn."""
    shards = list(_shards(rows))
    least = dict.fromkeys(MODES, float("inf"))
    lines = []
    with TemporaryDirectory() as folder:
        for turn in range(1, runs + 1):
            for mode in MODES:
                seconds = _write(mode, shards, Path(folder) / f"{mode}.xlsx")
                least[mode] = min(least[mode], seconds)
                say(f"turn {turn}: {mode}: {seconds:.2f} s")
        for mode in MODES:
            path = Path(folder) / f"{mode}.xlsx"
            size = f"{path.stat().st_size / 2**20:.1f}"
            lines.append([str(mode), f"{least[mode]:.2f}", size, *_read(path, rows, say)])
    return table(HEADERS, lines)


def _write(mode: Mode, shards: list[pa.RecordBatch], path: Path) -> float:
    begin = time.process_time()
    data = write_in(mode, KINDS, shards)
    seconds = time.process_time() - begin
    path.write_bytes(data.getbuffer())
    return seconds


def _read(path: Path, rows: int, say: Say) -> Iterator[str]:
    for name, program in READERS.items():
        said, peak = run([sys.executable, "-c", program, str(path)], os.environ, SECONDS)
        found, seconds = said.split()
        # The header is a row to both.
        assert int(found) == rows + 1, (name, path.name, found)
        say(f"{name} on {path.name}: {float(seconds):.2f} s")
        yield f"{float(seconds):.2f}"
        yield f"{peak.most / 2**20:,.0f}"


def _shards(rows: int) -> Iterator[pa.RecordBatch]:
    for first in range(1, rows + 1, SHARD_ROWS):
        yield _sales(first, min(SHARD_ROWS, rows + 1 - first))


def _sales(first: int, count: int) -> pa.RecordBatch:
    """What the SELECT list of `seeding.SALES` gives."""
    n = numpy.arange(first, first + count)
    many = (n * 7919 % 50_000).tolist()
    arrays = [
        pa.array(n),
        pa.array([f"R-{each:09}" for each in n]),
        pa.array([f"{FIRMS[k % 5]} {m}" for k, m in zip(n, many, strict=True)]),
        pa.array([f"customer{m}@example.com" for m in many]),
        pa.array([STATES[k % 5] for k in n]),
        pa.array(1 + n % 40),
        pa.array([f"{k * 7919 % 10_000_000 / 100:.2f}" for k in n.tolist()]),
        pa.array((n * 31 % 5000) / 7),
        pa.array(n % 3 == 0),
        pa.array(BEGIN + n * 61_000_000).cast(pa.timestamp("us")),
        pa.array([_note(k) for k in n.tolist()]),
    ]
    return pa.record_batch(arrays, names=[str(position) for position in range(len(arrays))])


def _note(n: int) -> str:
    code = hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()
    return f"Leave at door {n % 97}, code {code}" if n % 20 else ""
