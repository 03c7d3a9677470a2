"""How other packages are used for this, each as its documentation says for large files.

Every function writes the first `rows` rows to `output` with the package it is given. Times lose
their zone on the way: most of the packages refuse one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.models import Sale
from benchmarks.seeding import COLUMNS, some

CHUNK_ROWS = 8192
CREATED_AT = COLUMNS.index("created_at")


def import_export(library: Any, output: Path, rows: int) -> None:
    xlsx = importlib.import_module("import_export.formats.base_formats").XLSX()
    resource = library.modelresource_factory(Sale)()
    dataset = resource.export(Sale._default_manager.filter(pk__lte=rows).order_by("pk"))
    output.write_bytes(xlsx.export_data(dataset))


def openpyxl(library: Any, output: Path, rows: int) -> None:
    book = library.Workbook(write_only=True)
    sheet = book.create_sheet("Sales")
    sheet.append(COLUMNS)
    for row in _rows(rows):
        sheet.append(row)
    book.save(output)


def xlsxwriter(library: Any, output: Path, rows: int) -> None:
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    with library.Workbook(str(output), options) as book:
        sheet = book.add_worksheet("Sales")
        sheet.write_row(0, 0, COLUMNS)
        for number, row in enumerate(_rows(rows), 1):
            sheet.write_row(number, 0, row)


def pyexcelerate(library: Any, output: Path, rows: int) -> None:
    book = library.Workbook()
    book.new_sheet("Sales", data=[COLUMNS, *_rows(rows)])
    book.save(str(output))


def rustpy(library: Any, output: Path, rows: int) -> None:
    records = (dict(zip(COLUMNS, row, strict=True)) for row in _rows(rows))
    library.FastExcel(str(output)).sheet("Sales", records).save()


def pyfastexcel(library: Any, output: Path, rows: int) -> None:
    book = library.StreamWriter()
    book.rename_sheet("Sheet1", "Sales")
    book.row_append_list(list(COLUMNS), create_row=True)
    for row in _rows(rows):
        book.row_append_list(row, create_row=True)
    book.read_lib_and_create_excel()
    book.save(str(output))


def py_excel_rs(library: Any, output: Path, rows: int) -> None:
    text = BytesIO()
    _copy(text.write, rows)
    book = library.WorkBook()
    book.write_csv_to_sheet("Sales", text.getvalue())
    with output.open("wb") as file:
        book.finish(file)


def _rows(count: int) -> Iterator[tuple[Any, ...]]:
    rows = Sale._default_manager.filter(pk__lte=count).order_by("pk").values_list(*COLUMNS)
    for row in rows.iterator(chunk_size=CHUNK_ROWS):
        naive = row[CREATED_AT].replace(tzinfo=None)
        yield (*row[:CREATED_AT], naive, *row[CREATED_AT + 1 :])


def _copy(write: Callable[[bytes], object], rows: int) -> None:
    statement = f"COPY ({some(rows)}) TO STDOUT (FORMAT csv, HEADER)"
    with connection.cursor() as cursor, cursor.copy(statement) as data:
        for block in data:
            write(bytes(block))


WRITERS: dict[str, Callable[[Any, Path, int], None]] = {
    "import-export": import_export,
    "openpyxl": openpyxl,
    "xlsxwriter": xlsxwriter,
    "pyexcelerate": pyexcelerate,
    "pyfastexcel": pyfastexcel,
    "rustpy": rustpy,
    "py-excel-rs": py_excel_rs,
}
