"""A workbook of openpyxl as the parts of a package, cut open where rows and their texts belong."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from exportapp.xlsx.limits import XlsxError
from exportapp.xlsx.strings import SST_END, STRINGS, StringsPlan

CONTENT_TYPES: Final = "[Content_Types].xml"
STYLES: Final = "xl/styles.xml"

_RELATIONSHIPS: Final = "xl/_rels/workbook.xml.rels"
_SHEETS: Final = "xl/worksheets/sheet"

_STRINGS_TYPE: Final = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/'
    b'vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml" />'
)
_STRINGS_RELATIONSHIP: Final = (
    b'<Relationship Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    b'sharedStrings" Target="/xl/sharedStrings.xml" Id="rIdStrings" />'
)

_DIMENSION_ELEMENT: Final = re.compile(rb"<dimension [^>]*/>")
_DIMENSION: Final = re.compile(rb'(<dimension ref=")[^"]*')
_NO_WARNING: Final = (
    b'<ignoredErrors><ignoredError sqref="%b" numberStoredAsText="1" /></ignoredErrors>'
)
"""No green corner on each ID that is a text of digits (ECMA-376 18.3.1.50)."""
_AFTER_WARNINGS: Final = re.compile(
    rb"<(drawing|legacyDrawing|legacyDrawingHF|picture|oleObjects|controls|tableParts|extLst)\b"
    rb"|</worksheet>"
)
"""What may follow them in a sheet (ECMA-376 18.3.1.99)."""
_SHEET_DATA_END: Final = b"</sheetData>"
_INLINE: Final = re.compile(rb'(<c [^>]*t=")inlineStr("[^>]*>)<is>(.*?)</is>(?=</c>)', re.DOTALL)


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
class StringsPart:
    """The shared strings without those of rows, which belong between head and tail."""

    name: str
    head: bytes
    tail: bytes


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The package but for the data rows."""

    parts: tuple[Part, ...]
    """`[Content_Types].xml` first, as Excel writes it."""
    sheets: tuple[SheetPart, ...]
    """In the order of the plans."""
    strings: StringsPart | None = None
    """Where there are shared strings."""


def saved(book: Workbook) -> dict[str, bytes]:
    """The parts that openpyxl makes of a workbook, by name."""
    # Not book.save(), which would stamp the time of modification with now.
    packed = io.BytesIO()
    ExcelWriter(book, ZipFile(packed, "w")).save()
    with ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def share_texts(files: Mapping[str, bytes], plan: StringsPlan) -> tuple[dict[str, bytes], bytes]:
    """The parts with every text of a cell as a shared string, and the end of those strings.

    They are numbered behind those of the rows, so that a sheet of notes that only the merge knows
    moves no row's text.
    """
    texts = _Texts(plan.first_of_skeleton)
    shared = {
        name: _INLINE.sub(texts.number, data) if name.startswith(_SHEETS) else data
        for name, data in files.items()
    }
    shared.pop(STRINGS, None)
    _insert(shared, CONTENT_TYPES, _STRINGS_TYPE, b"</Types>")
    _insert(shared, _RELATIONSHIPS, _STRINGS_RELATIONSHIP, b"</Relationships>")
    return shared, b"".join(b"<si>%b</si>" % text for text in texts.numbers) + SST_END


@dataclass
class _Texts:
    first: int
    numbers: dict[bytes, int] = field(default_factory=dict)

    def number(self, found: re.Match[bytes]) -> bytes:
        number = self.numbers.setdefault(found[3], self.first + len(self.numbers))
        return b"%bs%b<v>%d</v>" % (found[1], found[2], number)


def _insert(files: dict[str, bytes], name: str, element: bytes, end: bytes) -> None:
    if b"sharedStrings" not in files[name]:
        files[name] = files[name].replace(end, element + end)


def cut_sheet(name: str, data: bytes, title: str, cells: str, rows: int) -> SheetPart:
    """A sheet's part, cut open behind its header; `cells` is the range with its `rows` data rows.

    Raises XlsxError where it has other rows than the header.
    """
    head, end, rest = data.partition(_SHEET_DATA_END)
    if head.count(b"<row ") != 1 or b'<row r="1"' not in head:
        raise XlsxError(f"The workbook hook moved or added rows in the sheet '{title}'.")
    head = _DIMENSION.sub(rb"\g<1>" + cells.encode(), head, count=1)
    quiet = _NO_WARNING % cells.replace("A1:", "A2:").encode() if rows else b""
    return SheetPart(name, head, end + _AFTER_WARNINGS.sub(lambda at: quiet + at[0], rest, count=1))
