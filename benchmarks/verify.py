"""Whether a file holds what it should: a fast writer that loses rows or cells has not won."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias
from zipfile import ZipFile

import fastexcel
import polars

from benchmarks.seeding import COLUMNS

SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
ROW = re.compile(rb"<row[ >]|<row/>")
LINE = re.compile(rb"\n")
BLOCK_BYTES = 2**20


NUMBERS = ("id", "quantity", "amount", "weight")
DECIMALS = 6
"""Some packages write 16 digits of a float, which is one less than it has."""
MOMENT = len("2026-01-31 12:30:45")

Digests: TypeAlias = "dict[str, str]"
"""A digest of all values of a column, in order, by its name."""


class WrongCells(RuntimeError):
    """A contender's file does not hold the rows and values that it was to write."""


def check(path: Path, rows: int, expected: Digests) -> None:
    """Raises WrongCells, naming the rows or columns, where a file is not what it should be."""
    found = rows_in(path)
    if found != rows:
        raise WrongCells(f"its file holds {found:,} rows, not {rows:,}")
    read = digests(_frame(path))
    wrong = [name for name, digest in expected.items() if read[name] != digest]
    if wrong:
        raise WrongCells(f"its file holds other values in {', '.join(wrong)}")


def digests(frame: polars.DataFrame) -> Digests:
    """Of values, whatever type of cell they were written as: one package has only texts."""
    meant = frame.select(_meant(name) for name in COLUMNS)
    return {column.name: _digest(column) for column in meant}


def csv_frame(text: bytes | Path) -> polars.DataFrame:
    """All columns as text."""
    return polars.read_csv(text, has_header=False, new_columns=list(COLUMNS), infer_schema=False)


def _frame(path: Path) -> polars.DataFrame:
    if path.suffix != ".xlsx":
        # `\copy` of a table has no order.
        return csv_frame(path).sort(polars.col("id").cast(polars.Int64))
    book = fastexcel.read_excel(path)
    sheets = [
        book.load_sheet(name, column_names=list(COLUMNS), skip_rows=1, dtypes="string")
        for name in book.sheet_names
    ]
    return polars.concat([sheet.to_polars() for sheet in sheets])


def _meant(name: str) -> polars.Expr:
    column = polars.col(name).fill_null("")
    if name in NUMBERS:
        return column.cast(polars.Float64, strict=False).round(DECIMALS)
    if name == "paid":
        return column.str.to_lowercase().is_in(["true", "t", "1"])
    if name == "created_at":
        return _moment(column).alias(name)
    return column


def _moment(column: polars.Expr) -> polars.Expr:
    """As text to the second; PyExcelerate leaves serial numbers without the format of a date."""
    seconds = (column.cast(polars.Float64, strict=False) * 86_400).round()
    serial = polars.datetime(1899, 12, 30) + polars.duration(seconds=seconds)
    text = column.str.slice(0, MOMENT).str.replace("T", " ")
    return serial.dt.strftime("%Y-%m-%d %H:%M:%S").fill_null(text)


def _digest(column: polars.Series) -> str:
    return hashlib.sha256(column.rechunk().hash(seed=1).to_numpy().tobytes()).hexdigest()


def rows_in(path: Path) -> int:
    """Data rows in a workbook, its sheets' headers not counted; lines of any other file."""
    if path.suffix != ".xlsx":
        with path.open("rb") as file:
            return _count(file, LINE)
    with ZipFile(path) as package:
        names = [name for name in package.namelist() if SHEET.fullmatch(name)]
        return sum(_rows_of_sheet(package, name) for name in names)


def _rows_of_sheet(package: ZipFile, name: str) -> int:
    with package.open(name) as part:
        return max(0, _count(part, ROW) - 1)  # type: ignore[arg-type]


def _count(file: BinaryIO, pattern: re.Pattern[bytes]) -> int:
    return sum(len(pattern.findall(block)) for block in _blocks(file))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Blocks that never cut a tag or a line in two: each ends with ">" or a line's end."""
    rest = b""
    while block := file.read(BLOCK_BYTES):
        block = rest + block
        end = max(block.rfind(b">"), block.rfind(b"\n")) + 1
        yield block[:end]
        rest = block[end:]
    yield rest
