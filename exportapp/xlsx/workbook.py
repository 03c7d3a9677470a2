"""Everything of the workbook but its rows, made by openpyxl once.

The parts of the package come out as bytes. A sheet's part is cut where its data rows belong: at
the end of `sheetData`, behind the header row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.utils import get_column_letter
from openpyxl.utils.indexed_list import IndexedList
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.constants import ARC_CORE
from openpyxl.xml.functions import tostring

from exportapp.xlsx.escape import clean
from exportapp.xlsx.limits import XlsxError, check_columns, check_rows, sheet_title
from exportapp.xlsx.parts import (
    CONTENT_TYPES,
    STYLES,
    Part,
    Skeleton,
    StringsPart,
    cut_sheet,
    saved,
    share_texts,
)
from exportapp.xlsx.strings import STRINGS, StringsPlan
from exportapp.xlsx.styles import (
    DEFAULT,
    HEADER_INDEX,
    SheetColumn,
    check_styles,
    order_fonts,
    style_indexes,
    style_table,
)
from exportapp.xlsx.template import Template, data_sheets, open_template

Hook = Callable[[Workbook], None]
"""A developer's say in the workbook: a logo, a cover sheet, another header font."""

EPOCH: Final = datetime(1980, 1, 1)
"""The time of creation where none is given; the package's own time stamps say the same."""


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """One sheet of the workbook."""

    title: str
    rows: int
    """Data rows: those below the header."""
    columns: tuple[SheetColumn, ...] = ()
    """Its own ones, where sheets differ."""
    right_to_left: bool = False
    """The first column at the right, as the writing of Arabic or Hebrew has it."""


def build_skeleton(
    columns: Sequence[SheetColumn],
    sheets: Sequence[SheetPlan],
    *,
    properties: Mapping[str, Any],
    notes: Sequence[tuple[str, str]] = (),
    hook: Hook | None = None,
    template: Template | None = None,
    strings: StringsPlan | None = None,
) -> Skeleton:
    """Make the workbook with a header row, a frozen header and a filter on each sheet.

    `columns` are those of every sheet that any workbook of the export has: all of them share one
    table of styles, whichever sheets this one has. They are the columns of each sheet whose plan
    names none of its own.

    `properties` are openpyxl's DocumentProperties by name (title, creator, created, description);
    `notes` become a last sheet of label and text; `hook` is called with the workbook last of all.
    With `strings` the texts of the workbook are shared ones; without, they are inline.

    `template` is a workbook to begin with instead of an empty one. Data sheets follow its own;
    but where it has one with the title of the first, that one is used, and copied for the next
    ones: row 1 keeps its looks and columns their widths. Titles are those of `columns` all the
    same, because people choose columns, and data cells look as `columns` say.

    Equal input gives equal bytes.

    Raises LimitExceeded for more columns or rows than a sheet has, XlsxError for no column, no
    sheet, a title that Excel refuses, a template with something that would be lost, or a hook
    that moved what the rows rely on.
    """
    sheets = [replace(plan, columns=tuple(plan.columns or columns)) for plan in sheets]
    _check(columns, sheets)
    book = open_template(template) if template else Workbook()
    if not template:
        book.remove(book.worksheets[0])
    _number_styles(book, columns)
    pages = data_sheets(book, [(plan.title, len(plan.columns)) for plan in sheets])
    for page, plan in zip(pages, sheets, strict=True):
        _fill_sheet(page, plan)
    if notes:
        _add_notes(book, notes)
    _set_properties(book.properties, properties)
    if hook:
        hook(book)
    return _cut_up(book, pages, sheets, columns, strings)


def with_properties(skeleton: Skeleton, properties: Mapping[str, Any]) -> Skeleton:
    """The same workbook with these properties: nothing else in it knows of them."""
    found = DocumentProperties()
    _set_properties(found, properties)
    # typeshed says text; it is bytes.
    made = Part(ARC_CORE, cast(bytes, tostring(found.to_tree())))
    parts = tuple(made if part.name == ARC_CORE else part for part in skeleton.parts)
    return replace(skeleton, parts=parts)


def _check(columns: Sequence[SheetColumn], sheets: Sequence[SheetPlan]) -> None:
    if not sheets:
        raise XlsxError("A workbook needs at least 1 sheet; it has 0.")
    styles = style_table(columns)
    for position, plan in enumerate(sheets):
        check_columns(len(plan.columns))
        for column in plan.columns:
            if column.style not in styles:
                raise XlsxError(f"The style of the column '{column.title}' is in no table.")
        check_rows(plan.rows + 1)
        if plan.title != sheet_title(plan.title, [earlier.title for earlier in sheets[:position]]):
            raise XlsxError(f"Excel refuses the sheet title '{plan.title}', or it is there twice.")


def _number_styles(book: Workbook, columns: Sequence[SheetColumn]) -> None:
    """Give the styles of the rows their numbers, whatever styles a template has.

    openpyxl numbers a style when it is first asked for the number. Cells of a template have
    copies of theirs, and ask again when they are saved.
    """
    book._cell_styles = IndexedList([StyleArray()])  # type: ignore[attr-defined]
    scratch = book.create_sheet()
    cell: Cell = scratch.cell(1, 1)
    _look_like_header(cell)
    numbers = {cell.style_id}
    indexes = [_format(scratch.cell(2, number), each) for number, each in enumerate(columns, 1)]
    if numbers != {HEADER_INDEX} or indexes != style_indexes(columns):
        raise XlsxError(f"openpyxl numbered the styles {numbers} and {indexes}.")
    book.remove(scratch)


def _fill_sheet(sheet: Worksheet, plan: SheetPlan) -> None:
    for number, column in enumerate(plan.columns, 1):
        cell = _write_text(sheet, 1, number, column.title)
        if not cell.has_style:
            _look_like_header(cell)
        letter = get_column_letter(number)
        if letter not in sheet.column_dimensions:
            sheet.column_dimensions[letter].width = column.width
            _format(sheet.column_dimensions[letter], column)
    sheet.freeze_panes = sheet.freeze_panes or "A2"
    sheet.auto_filter.ref = _cell_range(plan)
    if plan.right_to_left:
        sheet.sheet_view.rightToLeft = True


def _look_like_header(cell: Cell) -> None:
    cell.font = Font(name="Calibri", size=11, bold=True)
    cell.fill = PatternFill("solid", fgColor="E7EBF0")
    cell.border = Border(bottom=Side("thin", color="8A94A0"))


def _format(target: Cell | ColumnDimension, column: SheetColumn) -> int:
    if column.style != DEFAULT:
        target.number_format = column.number_format
        if column.align:
            target.alignment = Alignment(horizontal=column.align)
    return int(target.style_id)


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


def _set_properties(found: DocumentProperties, properties: Mapping[str, Any]) -> None:
    created = _utc(properties.get("created") or EPOCH)
    for name, value in properties.items():
        if name not in DocumentProperties.__elements__:
            raise XlsxError(f"A workbook has no property '{name}'.")
        setattr(found, name, clean(value) if isinstance(value, str) else value)
    # openpyxl's own default for both is now, which would make every file differ.
    found.created = found.modified = created


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _cell_range(plan: SheetPlan) -> str:
    return f"A1:{get_column_letter(len(plan.columns))}{plan.rows + 1}"


def _cut_up(
    book: Workbook,
    pages: Sequence[Worksheet],
    sheets: Sequence[SheetPlan],
    columns: Sequence[SheetColumn],
    strings: StringsPlan | None,
) -> Skeleton:
    for page, plan in zip(pages, sheets, strict=True):
        if not any(page is other for other in book.worksheets):
            raise XlsxError(f"The workbook hook removed the sheet '{plan.title}'.")
    files = saved(book)
    files[STYLES] = order_fonts(files[STYLES])
    check_styles(files[STYLES], columns)
    shared = None
    if strings:
        files, tail = share_texts(files, strings)
        shared = StringsPart(STRINGS, strings.head, tail)
    parts = []
    for page, plan in zip(pages, sheets, strict=True):
        name = page.path.removeprefix("/")
        parts.append(cut_sheet(name, files.pop(name), plan.title, _cell_range(plan), plan.rows))
    first = Part(CONTENT_TYPES, files.pop(CONTENT_TYPES))
    return Skeleton((first, *(Part(*item) for item in files.items())), tuple(parts), shared)
