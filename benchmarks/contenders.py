"""Who takes part, and on how many rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SLOW_ROWS = 50_000
"""For what needs a minute or more for a million rows; rows a second stay comparable."""

BARE = {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}


@dataclass(frozen=True, slots=True)
class Contender:
    key: str
    title: str
    package: str
    """As installed by pip."""
    module: str
    """What the writer is given, imported before the clock starts."""
    most_rows: int | None = None
    env: Mapping[str, str] = field(default_factory=lambda: BARE)
    workers: int = 0
    """RQ workers that listen before the clock starts."""

    def rows(self, wanted: int) -> int:
        return min(wanted, self.most_rows or wanted)

    @property
    def is_ours(self) -> bool:
        return self.package == "exportapp"

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module.partition(".")[0]) is not None


def _ours(
    key: str,
    title: str,
    reader: str = "auto",
    workers: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Contender:
    rows = 100 if key == "ours-100-rows" else None
    env = {"BENCH_READER": reader, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    env["BENCH_OPTIONS"] = json.dumps(options or {})
    return Contender(key, title, "exportapp", "exportapp", rows, env, workers)


LIMIT = Contender("limit", "limit: `\\copy` to CSV", "psycopg", "psycopg")

CONTENDERS = (
    LIMIT,
    Contender(
        "import-export",
        "django-import-export",
        "django-import-export",
        "import_export.resources",
        SLOW_ROWS,
    ),
    Contender("openpyxl", "openpyxl write-only", "openpyxl", "openpyxl", SLOW_ROWS),
    Contender("xlsxwriter", "XlsxWriter constant_memory", "XlsxWriter", "xlsxwriter", SLOW_ROWS),
    Contender("pyexcelerate", "PyExcelerate", "PyExcelerate", "pyexcelerate", SLOW_ROWS),
    Contender("pyfastexcel", "pyfastexcel", "pyfastexcel", "pyfastexcel", SLOW_ROWS),
    Contender(
        "rustpy", "rustpy-xlsxwriter", "rustpy-xlsxwriter", "rustpy_xlsxwriter", 4 * SLOW_ROWS
    ),
    Contender("py-excel-rs", "COPY + py-excel-rs (untyped, in RAM)", "py-excel-rs", "py_excel_rs"),
    _ours("ours-orm", "ours, command, orm values", "orm"),
    _ours("ours-instances", "ours, command, orm instances", "orm"),
    _ours("ours-copy", "ours, command, copy"),
    _ours("ours-compact", "ours, command, copy, without references", options={"compact": True}),
    _ours("ours-1-worker", "ours, click to file, 1 worker", workers=1),
    _ours("ours-2-workers", "ours, click to file, 2 workers", workers=2),
    _ours(
        "ours-2-compact",
        "ours, click to file, 2 workers, without references",
        workers=2,
        options={"compact": True},
    ),
    _ours("ours-100-rows", "ours, click to file, 100 rows", workers=1),
)

NARROW = _ours("ours-narrow", "ours, click to file, 4 columns", workers=2)
SKEWED = _ours("ours-skewed", "ours, click to file, texts of very different length", workers=2)

BY_KEY = {contender.key: contender for contender in (*CONTENDERS, NARROW, SKEWED)}
