"""Readers that are Python packages. Each gives the rows of every sheet, header rows included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import duckdb_extension_excel
import openpyxl
import pandas
import polars
from python_calamine import CalamineWorkbook
from xlsx2csv import Xlsx2csv

Rows = list[list[Any]]
Book = dict[str, Rows]


class Formula(NamedTuple):
    """What a reader would compute; equal to no text."""

    text: str


def with_openpyxl(path: Path) -> Book:
    return _openpyxl(path, read_only=False)


def with_openpyxl_read_only(path: Path) -> Book:
    return _openpyxl(path, read_only=True)


def with_calamine(path: Path) -> Book:
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def with_pandas_openpyxl(path: Path) -> Book:
    return _pandas(path, "openpyxl")


def with_pandas_calamine(path: Path) -> Book:
    return _pandas(path, "calamine")


def with_polars(path: Path) -> Book:
    """By fastexcel. A column whose cells are of several types becomes text."""
    frames = polars.read_excel(
        path,
        sheet_id=0,
        infer_schema_length=None,
        drop_empty_rows=False,
        # It is one of those, but not on every sheet.
        read_options={"dtypes": {"float": "string"}},
    )
    return {
        name: [frame.columns, *(list(row) for row in frame.rows())]
        for name, frame in frames.items()
    }


def with_duckdb(path: Path) -> Book:
    """With every column as text, because a column has the type of its first cell otherwise."""
    folder = Path(duckdb_extension_excel.__file__).parent / "extensions"
    query = "SELECT * FROM read_xlsx(?, sheet = ?, all_varchar = true, stop_at_empty = false)"
    with duckdb.connect() as connection:
        connection.load_extension(str(folder / f"v{duckdb.__version__}" / "excel.duckdb_extension"))
        book = {}
        for name in openpyxl.load_workbook(path, read_only=True).sheetnames:
            found = connection.execute(query, [str(path), name])
            book[name] = [
                [column[0] for column in found.description],
                *(list(row) for row in found.fetchall()),
            ]
        return book


def with_xlsx2csv(path: Path) -> Book:
    book = {}
    # Its own format for times leaves the seconds out.
    with Xlsx2csv(str(path), timeformat="%H:%M:%S") as reader:
        for number, sheet in enumerate(reader.workbook.sheets, 1):
            out = io.StringIO(newline="")
            reader.convert(out, sheetid=number)
            with _long_fields():
                book[sheet["name"]] = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    return book


def _openpyxl(path: Path, *, read_only: bool) -> Book:
    book = openpyxl.load_workbook(path, read_only=read_only)
    return {
        sheet.title: [[_openpyxl_value(cell) for cell in row] for row in sheet.rows]
        for sheet in book.worksheets
    }


def _openpyxl_value(cell: Any) -> Any:
    return Formula(cell.value) if cell.data_type == "f" else cell.value


def _pandas(path: Path, engine: str) -> Book:
    frames = pandas.read_excel(
        path, sheet_name=None, header=None, dtype=object, na_filter=False, engine=engine
    )
    return {name: frame.values.tolist() for name, frame in frames.items()}


@contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(10**6)
    yield
    csv.field_size_limit(before)
