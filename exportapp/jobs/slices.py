"""A finished workbook read back by python-calamine, a slice of a sheet at a time.

python-calamine holds a whole sheet in memory, 80 bytes a cell and more. So the rows of a sheet are
taken out of the finished file a few megabytes at a time, and each such run is given to it as the
only rows of an otherwise equal workbook: the cells are read by foreign code all the same, and
memory stays as it is whatever the size. The zip's own CRC of the sheet and its XML, which that
reader takes lightly, are checked on the way.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree
from xml.parsers.expat import ParserCreate
from zipfile import ZIP_STORED, ZipFile

from django.utils.translation import gettext as _

from exportapp.exceptions import FileDamaged, RequestRefused

SLICE: Final = 2 * 2**20
"""Bytes of sheet XML that are read at a time."""

PACKAGE: Final = "python-calamine"

WORKBOOK: Final = "xl/workbook.xml"
RELATIONS: Final = "xl/_rels/workbook.xml.rels"
STRINGS: Final = "xl/sharedStrings.xml"

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REFERENCE: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DATA: Final = re.compile(rb"<sheetData\s*>")
_END: Final = b"</sheetData>"
_ROW_END: Final = b"</row>"
_ROW: Final = re.compile(rb"<row\b")
_NUMBER: Final = re.compile(rb'<row\b[^>]*?\sr="(\d+)"')

Cells = list[list[Any]]
"""The rows of a slice; "" is an empty cell."""


def require_reader() -> None:
    """Raises RequestRefused where there is nothing to read a workbook back with."""
    if find_spec("python_calamine") is None:
        raise RequestRefused(
            _("The option 'verify' needs {package}: pip install 'exportapp[verify]'.").format(
                package=PACKAGE
            )
        )


def reader_name() -> str:
    return f"{PACKAGE} {version(PACKAGE)}"


def read_sheet(path: Path, title: str, width: int) -> Iterator[Cells]:
    """The rows of a sheet, its header first, each `width` cells long.

    Raises FileDamaged for what is no workbook, has no such sheet or is damaged inside it.
    """
    try:
        with ZipFile(path) as archive:
            yield from _read(archive, title, width)
    except FileDamaged:
        raise
    except Exception as error:
        # Foreign code on a file that may be broken in any way.
        raise FileDamaged(f"{path.name} cannot be read back: {error}") from error


def _read(archive: ZipFile, title: str, width: int) -> Iterator[Cells]:
    from python_calamine import CalamineWorkbook

    name = _part_of(archive, title)
    parts = {part: archive.read(part) for part in archive.namelist() if _is_shared(part)}
    # Every slice is read with all shared strings: longer ones where there are many of those.
    size = max(SLICE, len(parts.get(STRINGS, b"")))
    for head, rows in _rows(archive, name, size):
        book = io.BytesIO()
        with ZipFile(book, "w", ZIP_STORED) as small:
            for part, data in parts.items():
                small.writestr(part, data)
            small.writestr(name, head + rows + _END + b"</worksheet>")
        book.seek(0)
        with CalamineWorkbook.from_filelike(book) as workbook:
            sheet = workbook.get_sheet_by_name(title)
            yield _placed(sheet.to_python(), sheet.start, rows, width)


def _rows(archive: ZipFile, name: str, size: int) -> Iterator[tuple[bytes, bytes]]:
    """What stands before the rows, and about `size` bytes of whole rows, again and again."""
    # Excel refuses a sheet that is not well-formed; python-calamine reads on.
    parser = ParserCreate()
    with archive.open(name) as part:
        waiting = b""
        # Before it there is an element for each column.
        while (opening := _DATA.search(waiting)) is None:
            more = part.read(size)
            parser.Parse(more, not more)
            if not more:
                raise FileDamaged(f"{name} has no rows, not even a header.")
            waiting += more
        head, waiting = waiting[: opening.end()], waiting[opening.end() :]
        while (end := waiting.find(_END)) < 0:
            cut = waiting.rfind(_ROW_END) + len(_ROW_END)
            if cut >= len(_ROW_END):
                yield head, waiting[:cut]
                waiting = waiting[cut:]
            more = part.read(size)
            parser.Parse(more, not more)
            if not more:
                raise FileDamaged(f"{name} ends in the middle of its rows.")
            waiting += more
        yield head, waiting[:end]
        # To the end, where the zip's CRC is compared.
        while more := part.read(SLICE):
            parser.Parse(more, False)
        parser.Parse(b"", True)


def _placed(cells: Cells, start: tuple[int, int] | None, rows: bytes, width: int) -> Cells:
    """The cells with the empty rows and columns around them, which no reader tells of."""
    number = _NUMBER.match(rows)
    first = int(number[1]) - 1 if number else 0
    top, left = start or (first, 0)
    count = len(_ROW.findall(rows))
    blank: list[Any] = [""] * width
    placed = [blank] * (top - first)
    placed += [([""] * left + row + blank)[:width] for row in cells]
    return placed + [blank] * (count - len(placed))


def _part_of(archive: ZipFile, title: str) -> str:
    """The part of the package that holds this sheet (ECMA-376 18.2.19)."""
    # We wrote them; and expat bounds what entities become (2.4.1, part of every Python here).
    relations = ElementTree.fromstring(archive.read(RELATIONS))  # nosec B314
    workbook = ElementTree.fromstring(archive.read(WORKBOOK))  # nosec B314
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for sheet in workbook.iter(f"{_MAIN}sheet"):
        if sheet.get("name") == title:
            target = targets[sheet.get(_REFERENCE)]
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise FileDamaged(f"There is no sheet '{title}'.")


def _is_shared(part: str) -> bool:
    """Whether all sheets need it to be read."""
    return part.endswith((".xml", ".rels")) and not part.startswith(("xl/worksheets/", "docProps/"))
