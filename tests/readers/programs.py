"""Readers that are programs: LibreOffice, gnumeric, and those of node.

Each takes all files at once, since starting costs more than reading.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.readers.python_readers import Book, Formula, Rows

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
GNUMERIC = "{http://www.gnumeric.org/v10.dtd}"
TRUTH = {"of:=TRUE()": True, "of:=FALSE()": False}
"""LibreOffice has no cells that hold a truth value: it makes formulas of them."""

MANY = 100
"""Blank cells in a row from which on nothing but the edge of the sheet follows."""


def run(*command: str | Path) -> str:
    """What it prints. Raises AssertionError with what it complains of when it fails."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def convert(paths: Sequence[Path], to: str, folder: Path) -> list[Path]:
    """The files that LibreOffice makes of workbooks, in `folder`."""
    run(
        "soffice",
        f"-env:UserInstallation=file://{folder}/profile",
        "--headless",
        "--convert-to",
        to,
        "--outdir",
        folder,
        *paths,
    )
    return [folder / f"{path.stem}.{to}" for path in paths]


def with_libreoffice(paths: Sequence[Path], folder: Path) -> list[Book]:
    """By its own flat XML, which says of each cell what it is (OpenDocument 1.3, 9.1.4)."""
    books = []
    for path in convert(paths, "fods", folder):
        tables = ElementTree.parse(path).iter(f"{TABLE}table")
        books.append({table.attrib[f"{TABLE}name"]: _table_rows(table) for table in tables})
    return books


def with_gnumeric(paths: Sequence[Path], folder: Path) -> list[Book]:
    """By its own XML. Dates stay numbers with a format there."""
    books = []
    for path in paths:
        made = folder / f"{path.stem}.xml"
        run("ssconvert", "-T", "Gnumeric_XmlIO:sax:0", path, made)
        sheets = ElementTree.parse(made).iter(f"{GNUMERIC}Sheet")
        books.append({sheet.findtext(f"{GNUMERIC}Name"): _gnumeric_rows(sheet) for sheet in sheets})
    return books


def with_sheetjs(paths: Sequence[Path], folder: Path) -> list[Book]:
    """Dates stay numbers with a format."""
    return _node("sheetjs", paths)


def with_exceljs(paths: Sequence[Path], folder: Path) -> list[Book]:
    return _node("exceljs", paths)


def complaints(path: Path) -> list[Any]:
    """What the validator of the Open XML SDK finds wrong; it exits with 1 where there is any."""
    done = subprocess.run(
        [MODULES / ".bin" / "ooxml-validator", path], capture_output=True, timeout=120, check=False
    )
    found = json.loads(done.stdout)
    return found["errors"]


def _node(name: str, paths: Sequence[Path]) -> list[Book]:
    books = json.loads(run("node", HERE / "read.mjs", name, *paths))
    return [
        {
            title: [[_node_value(cell) for cell in row] for row in rows]
            for title, rows in book.items()
        }
        for book in books
    ]


def _node_value(cell: Any) -> Any:
    match cell:
        case {"date": milliseconds}:
            return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)
        case {"formula": text}:
            return Formula(text)
    return cell


def _table_rows(table: ElementTree.Element) -> Rows:
    rows: Rows = []
    blank = 0
    for row in table.iter(f"{TABLE}table-row"):
        cells = [value for cell in row for value in _repeated(cell)]
        times = int(row.get(f"{TABLE}number-rows-repeated", 1))
        if any(value is not None for value in cells):
            rows += [[]] * blank + [cells] * times
            blank = 0
        else:
            # At the end these are the million rows of the sheet that nobody used.
            blank += times
    return rows


def _repeated(cell: ElementTree.Element) -> list[Any]:
    value = _office_value(cell)
    times = int(cell.get(f"{TABLE}number-columns-repeated", 1))
    return [value] * (times if value is not None else min(times, MANY))


def _office_value(cell: ElementTree.Element) -> Any:
    formula = cell.get(f"{TABLE}formula")
    if formula:
        return TRUTH.get(formula, Formula(formula))
    match cell.get(f"{OFFICE}value-type"):
        case "float":
            return float(cell.attrib[f"{OFFICE}value"])
        case "date":
            return datetime.fromisoformat(cell.attrib[f"{OFFICE}date-value"])
        case "time":
            return _duration(cell.attrib[f"{OFFICE}time-value"])
        case "string":
            return "\n".join("".join(_office_text(p)) for p in cell.iter(f"{TEXT}p"))
    return None


def _office_text(element: ElementTree.Element) -> Iterator[str]:
    if element.tag == f"{TEXT}s":
        yield " " * int(element.get(f"{TEXT}c", 1))
    if element.tag == f"{TEXT}tab":
        yield "\t"
    yield element.text or ""
    for child in element:
        yield from _office_text(child)
        yield child.tail or ""


def _duration(text: str) -> timedelta:
    """Of "-PT30H00M00S" (XML Schema part 2, 3.2.6)."""
    sign = -1 if text.startswith("-") else 1
    hours, rest = text.lstrip("-").removeprefix("PT").split("H")
    minutes, seconds = rest.rstrip("S").split("M")
    return sign * timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def _gnumeric_rows(sheet: ElementTree.Element) -> Rows:
    cells = {
        (int(cell.attrib["Row"]), int(cell.attrib["Col"])): _gnumeric_value(cell)
        for cell in sheet.iter(f"{GNUMERIC}Cell")
    }
    height, width = (1 + max(place[axis] for place in cells) for axis in (0, 1))
    return [[cells.get((row, column)) for column in range(width)] for row in range(height)]


def _gnumeric_value(cell: ElementTree.Element) -> Any:
    text = cell.text or ""
    match cell.get("ValueType"):
        case "20":
            return text == "TRUE"
        case "30" | "40":
            return float(text)
        case "60":
            return text
    return Formula(text)
