"""Everything of the workbook but its rows, made by openpyxl once.

The parts of the package come out as bytes. A sheet's part is cut where its data rows belong: at
the end of `sheetData`, behind the header row.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from exportapp.xlsx.escape import clean
from exportapp.xlsx.limits import XlsxError, check_columns, check_rows, sheet_title
from exportapp.xlsx.styles import (
    DEFAULT,
    HEADER_INDEX,
    SheetColumn,
    Style,
    check_styles,
    order_fonts,
    style_indexes,
    style_table,
)

Hook = Callable[[Workbook], None]
"""A developer's say in the workbook: a logo, a cover sheet, another header font."""

CONTENT_TYPES: Final = "[Content_Types].xml"
STYLES: Final = "xl/styles.xml"
EPOCH: Final = datetime(1980, 1, 1)
"""The time of creation where none is given; the package's own time stamps say the same."""

_DIMENSION: Final = re.compile(rb'(<dimension ref=")[^"]*')
_DIMENSION_ELEMENT: Final = re.compile(rb"<dimension [^>]*/>")
_SHEET_DATA_END: Final = b"</sheetData>"


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """One sheet of the workbook."""

    title: str
    rows: int
    """Data rows: those below the header."""
    columns: tuple[SheetColumn, ...] = ()
    """Its own ones, where sheets differ."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the package that is complete."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet without its data rows, which belong between head and tail."""

    name: str
    head: bytes
    tail: bytes

    @property
    def open_head(self) -> bytes:
        """The head where the last row is not known yet: without `dimension`, which may miss.

        A wrong one would cut the sheet off for readers that believe it (ECMA-376 18.3.1.35).
        """
        return _DIMENSION_ELEMENT.sub(b"", self.head, count=1)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The package but for the data rows."""

    parts: tuple[Part, ...]
    """`[Content_Types].xml` first, as Excel writes it."""
    sheets: tuple[SheetPart, ...]
    """In the order of the plans."""


def build_skeleton(
    columns: Sequence[SheetColumn],
    sheets: Sequence[SheetPlan],
    *,
    properties: Mapping[str, Any],
    notes: Sequence[tuple[str, str]] = (),
    hook: Hook | None = None,
) -> Skeleton:
    """Make the workbook with a header row, a frozen header and a filter on each sheet.

    `columns` are those of every sheet that any workbook of the export has: all of them share one
    table of styles, whichever sheets this one has. They are the columns of each sheet whose plan
    names none of its own.

    `properties` are openpyxl's DocumentProperties by name (title, creator, created, description);
    `notes` become a last sheet of label and text; `hook` is called with the workbook last of all.
    Equal input gives equal bytes.

    Raises LimitExceeded for more columns or rows than a sheet has, XlsxError for no column, no
    sheet, a title that Excel refuses, or a hook that moved what the rows rely on.
    """
    sheets = [replace(plan, columns=tuple(plan.columns or columns)) for plan in sheets]
    _check(columns, sheets)
    book = Workbook()
    _number_styles(book, columns)
    pages = [_add_sheet(book, plan, style_table(columns)) for plan in sheets]
    if notes:
        _add_notes(book, notes)
    _set_properties(book, properties)
    if hook:
        hook(book)
    return _cut_up(book, pages, sheets, columns)


def _check(columns: Sequence[SheetColumn], sheets: Sequence[SheetPlan]) -> None:
    if not sheets:
        raise XlsxError("A workbook needs at least 1 sheet; it has 0.")
    for position, plan in enumerate(sheets):
        check_columns(len(plan.columns))
        check_rows(plan.rows + 1)
        if plan.title != sheet_title(plan.title, [earlier.title for earlier in sheets[:position]]):
            raise XlsxError(f"Excel refuses the sheet title '{plan.title}', or it is there twice.")


def _number_styles(book: Workbook, columns: Sequence[SheetColumn]) -> None:
    # openpyxl numbers a style when it is first asked for the number: the header's comes first.
    scratch = book.worksheets[0]
    headers = {_add_header(scratch, number, column) for number, column in enumerate(columns, 1)}
    indexes = [_add_column(scratch, number, column) for number, column in enumerate(columns, 1)]
    if headers != {HEADER_INDEX} or indexes != style_indexes(columns):
        raise XlsxError(f"openpyxl numbered the styles {headers} and {indexes}.")
    book.remove(scratch)


def _add_sheet(book: Workbook, plan: SheetPlan, styles: Mapping[Style, int]) -> Worksheet:
    sheet: Worksheet = book.create_sheet(plan.title)
    for number, column in enumerate(plan.columns, 1):
        _add_header(sheet, number, column)
        if _add_column(sheet, number, column) != styles.get(column.style):
            raise XlsxError(f"The style of the column '{column.title}' is in no table.")
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = _cell_range(plan)
    return sheet


def _add_header(sheet: Worksheet, number: int, column: SheetColumn) -> int:
    cell = _write_text(sheet, 1, number, column.title)
    cell.font = Font(name="Calibri", size=11, bold=True)
    cell.fill = PatternFill("solid", fgColor="E7EBF0")
    cell.border = Border(bottom=Side("thin", color="8A94A0"))
    return int(cell.style_id)


def _add_column(sheet: Worksheet, number: int, column: SheetColumn) -> int:
    dimension = sheet.column_dimensions[get_column_letter(number)]
    dimension.width = column.width
    if column.style != DEFAULT:
        dimension.number_format = column.number_format
        if column.align:
            dimension.alignment = Alignment(horizontal=column.align)
    return int(dimension.style_id)


def _add_notes(book: Workbook, notes: Sequence[tuple[str, str]]) -> None:
    sheet = book.create_sheet(sheet_title("Notes", book.sheetnames))
    for number, (label, text) in enumerate(notes, 1):
        _write_text(sheet, number, 1, label)
        _write_text(sheet, number, 2, text)
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 90


def _write_text(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    cell: Cell = sheet.cell(row, column, clean(text))
    # openpyxl would make a formula of "=1+1" and an error of "#N/A".
    cell.data_type = "s"
    return cell


def _set_properties(book: Workbook, properties: Mapping[str, Any]) -> None:
    created = _utc(properties.get("created") or EPOCH)
    for name, value in properties.items():
        if name not in DocumentProperties.__elements__:
            raise XlsxError(f"A workbook has no property '{name}'.")
        setattr(book.properties, name, clean(value) if isinstance(value, str) else value)
    # openpyxl's own default for both is now, which would make every file differ.
    book.properties.created = book.properties.modified = created


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _cell_range(plan: SheetPlan) -> str:
    return f"A1:{get_column_letter(len(plan.columns))}{plan.rows + 1}"


def _cut_up(
    book: Workbook,
    pages: Sequence[Worksheet],
    sheets: Sequence[SheetPlan],
    columns: Sequence[SheetColumn],
) -> Skeleton:
    for page, plan in zip(pages, sheets, strict=True):
        if not any(page is other for other in book.worksheets):
            raise XlsxError(f"The workbook hook removed the sheet '{plan.title}'.")
    files = _saved(book)
    files[STYLES] = order_fonts(files[STYLES])
    check_styles(files[STYLES], columns)
    parts = []
    for page, plan in zip(pages, sheets, strict=True):
        name = page.path.removeprefix("/")
        parts.append(_cut_sheet(name, files.pop(name), plan, _cell_range(plan)))
    first = Part(CONTENT_TYPES, files.pop(CONTENT_TYPES))
    return Skeleton((first, *(Part(*item) for item in files.items())), tuple(parts))


def _saved(book: Workbook) -> dict[str, bytes]:
    # Not book.save(), which would stamp the time of modification with now.
    packed = io.BytesIO()
    ExcelWriter(book, ZipFile(packed, "w")).save()
    with ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _cut_sheet(name: str, data: bytes, plan: SheetPlan, cells: str) -> SheetPart:
    head, end, rest = data.partition(_SHEET_DATA_END)
    if head.count(b"<row ") != 1 or b'<row r="1"' not in head:
        raise XlsxError(f"The workbook hook moved or added rows in the sheet '{plan.title}'.")
    head = _DIMENSION.sub(rb"\g<1>" + cells.encode(), head, count=1)
    return SheetPart(name, head, end + rest)
