"""A developer's .xlsx as the beginning of a workbook.

openpyxl reads it and writes it again. What would be lost on the way is refused by name, since
nobody would look for it in an export of a million rows.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from os import PathLike
from pathlib import Path
from typing import Final, TypeAlias
from zipfile import BadZipFile, ZipFile

import openpyxl
from openpyxl import Workbook
from openpyxl.drawing.image import PILImage
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from exportapp.xlsx.limits import XlsxError

Template: TypeAlias = "bytes | PathLike[str]"
"""The bytes of a workbook, or where it is."""

LOST: Final = {
    r"(^|/)vbaProject|^xl/macrosheets/": "macros",
    r"^xl/(activeX|ctrlProps)/": "form controls",
    r"^customUI/": "buttons of its own",
    r"^xl/(slicers|slicerCaches|timelines|timelineCaches)/": "slicers",
    r"^xl/(queryTables/|connections\.xml)": "data connections",
    r"^xl/model/": "a data model",
    r"^xl/threadedComments/": "threaded comments",
    r"^xl/embeddings/": "embedded objects",
    r"^xl/diagrams/": "diagrams",
    r"^xl/richData/": "pictures in cells",
}
"""Parts that openpyxl drops or cannot write, and what people call them."""

_DRAWING: Final = re.compile(r"^xl/drawings/[^/]*\.xml$")
_SHAPE: Final = re.compile(rb"<(\w+:)?(sp|grpSp|cxnSp)[ >]")
_HARMLESS: Final = "no default style"


def open_template(template: Template) -> Workbook:
    """The workbook; its sheets, pictures, charts, named styles and names are kept.

    Raises XlsxError for what is no .xlsx, and for what has something that would be lost.
    """
    data = template if isinstance(template, bytes) else Path(template).read_bytes()
    with _refused_warnings():
        try:
            with ZipFile(io.BytesIO(data)) as archive:
                _check_parts({name: archive.read(name) for name in archive.namelist()})
            book = openpyxl.load_workbook(io.BytesIO(data), rich_text=True)
        except (BadZipFile, KeyError, InvalidFileException) as error:
            raise XlsxError(f"The template is no .xlsx workbook: {error}") from error
    # That of an .xltx would make the file one.
    book.template = False
    return book


def data_sheets(book: Workbook, wanted: Sequence[tuple[str, int]]) -> list[Worksheet]:
    """A sheet for each title and number of columns: the template's own of that title or a new one.

    A sheet that goes on with one of the template's is a copy of it: "Orders 2" after "Orders".
    Raises XlsxError for a sheet of the template that has no place for rows.
    """
    own = set(book.sheetnames)
    sheets: list[Worksheet] = []
    begun = ("", 0)
    for title, columns in wanted:
        if title in own:
            sheets.append(_own(book, title, columns))
            begun = (title, columns)
            continue
        _check_free(book, title)
        if begun[0] and title.startswith(begun[0]) and columns == begun[1]:
            sheets.append(_copied(book, sheets[-1], title))
        else:
            sheets.append(book.create_sheet(title))
            begun = ("", 0)
    return sheets


def _own(book: Workbook, title: str, columns: int) -> Worksheet:
    sheet = book[title]
    if not isinstance(sheet, Worksheet):
        raise XlsxError(f"The template's sheet '{title}' is a chart and has no rows.")
    _make_room(sheet, columns)
    return sheet


def _check_parts(parts: Mapping[str, bytes]) -> None:
    for name, data in parts.items():
        for pattern, what in LOST.items():
            if re.search(pattern, name):
                raise XlsxError(f"The template has {what} ('{name}'), which would be lost.")
        if _DRAWING.match(name) and _SHAPE.search(data):
            raise XlsxError(f"The template has shapes ('{name}'), which would be lost.")
        if name.startswith("xl/media/") and not PILImage:
            raise XlsxError("The template has pictures, which would be lost without Pillow.")


@contextmanager
def _refused_warnings() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for warning in said:
        if warning.category is UserWarning and _HARMLESS not in str(warning.message):
            raise XlsxError(f"The template cannot be kept as it is: {warning.message}")


def _check_free(book: Workbook, title: str) -> None:
    if title.casefold() in map(str.casefold, book.sheetnames):
        raise XlsxError(f"The template has a sheet '{title}', which is the title of another one.")


def _make_room(sheet: Worksheet, columns: int) -> None:
    said = f"The template's sheet '{sheet.title}' has"
    for row, column in list(sheet._cells):
        if row > 1 and sheet._cells[row, column].value is not None:
            raise XlsxError(f"{said} a value in row {row}; rows begin below the header in row 1.")
        if row > 1 or column > columns:
            del sheet._cells[row, column]
    if sheet.merged_cells.ranges:
        raise XlsxError(f"{said} merged cells ({next(iter(sheet.merged_cells.ranges))}).")
    if sheet.tables:
        raise XlsxError(f"{said} a table ({next(iter(sheet.tables))}), which does not grow.")
    for row in [row for row in sheet.row_dimensions if row > 1]:
        del sheet.row_dimensions[row]
    _split_columns(sheet, columns)


def _split_columns(sheet: Worksheet, columns: int) -> None:
    """One entry for each of the columns, where Excel keeps one for all that look alike."""
    entries = sheet.column_dimensions
    for entry in list(entries.values()):
        low, high = entry.min or 0, entry.max or 0
        last = min(high, columns)
        for number in range(low, last + 1):
            letter = get_column_letter(number)
            entries[letter] = copy(entry)
            entries[letter].index = letter
            entries[letter].min = entries[letter].max = number
        if low <= columns < high:
            letter = get_column_letter(columns + 1)
            entries[letter] = copy(entry)
            entries[letter].index = letter
            entries[letter].min, entries[letter].max = columns + 1, high


def _copied(book: Workbook, sheet: Worksheet, title: str) -> Worksheet:
    made = book.copy_worksheet(sheet)
    made.title = title
    made.freeze_panes = sheet.freeze_panes
    made.conditional_formatting = copy(sheet.conditional_formatting)
    made.data_validations = copy(sheet.data_validations)
    made.print_title_rows = sheet.print_title_rows
    book.move_sheet(made, book.index(sheet) + 1 - book.index(made))
    return made
