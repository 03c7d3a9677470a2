"""The table of cell styles that every shard and the final file share (ECMA-376 18.8.10).

Index 0 is the default and 1 the header; then each distinct (number format, alignment) of the
columns in the order of its first appearance. Rows carry these indexes, so whatever makes the
workbook must give the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from xml.etree import ElementTree

from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.xml.constants import SHEET_MAIN_NS

from exportapp.xlsx.limits import XlsxError

Style: TypeAlias = "tuple[str, str | None]"
"""Number format and horizontal alignment."""

GENERAL: Final = "General"
DEFAULT: Final[Style] = (GENERAL, None)
HEADER_INDEX: Final = 1

FONT_ORDER: Final = (
    "b",
    "i",
    "strike",
    "condense",
    "extend",
    "outline",
    "shadow",
    "u",
    "vertAlign",
    "sz",
    "color",
    "name",
    "family",
    "charset",
    "scheme",
)
"""The elements of a font as Excel writes them (ECMA-376 18.8.22)."""

_FONT: Final = re.compile(rb"(?<=<font>).*?(?=</font>)", re.DOTALL)
_FONT_PROPERTY: Final = re.compile(rb"<(\w+)[^<>]*/>")

_NS: Final = {"x": SHEET_MAIN_NS}


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """How one column of a sheet looks."""

    title: str
    width: float
    """Characters of the default font."""
    number_format: str = GENERAL
    """Excel's format code, as "yyyy-mm-dd"."""
    align: str | None = None
    """Horizontal alignment (ECMA-376 18.18.40), as "right"; None leaves it to the value."""

    @property
    def style(self) -> Style:
        """What tells its cellXfs from others."""
        return (self.number_format, self.align)


def style_indexes(columns: Sequence[SheetColumn]) -> list[int]:
    """The cellXfs index of every column."""
    table = style_table(columns)
    return [table[column.style] for column in columns]


def style_table(columns: Sequence[SheetColumn]) -> dict[Style, int]:
    """The cellXfs index of every distinct style, the header's left out."""
    table = {DEFAULT: 0}
    for column in columns:
        table.setdefault(column.style, HEADER_INDEX + len(table))
    return table


def order_fonts(stylesheet: bytes) -> bytes:
    """The stylesheet with the elements of each font in Excel's order.

    openpyxl has one of its own, which the schema of the Open XML SDK refuses.
    """
    return _FONT.sub(_ordered, stylesheet)


def check_styles(stylesheet: bytes, columns: Sequence[SheetColumn]) -> None:
    """Raise XlsxError where a stylesheet part gives other indexes than `style_indexes`."""
    found = dict(enumerate(_styles(stylesheet)))
    for style, index in style_table(columns).items():
        if found.get(index) != style:
            raise XlsxError(
                f"Cell style {index} must be {style} but is {found.get(index)}: a workbook hook "
                "may add styles, not change those of the columns."
            )


def _styles(stylesheet: bytes) -> Iterator[Style]:
    # openpyxl wrote it a moment ago.
    root = ElementTree.fromstring(stylesheet)  # nosec B314
    custom = {
        int(element.attrib["numFmtId"]): element.attrib["formatCode"]
        for element in root.iterfind("x:numFmts/x:numFmt", _NS)
    }
    for cell_format in root.iterfind("x:cellXfs/x:xf", _NS):
        number = int(cell_format.attrib["numFmtId"])
        alignment = cell_format.find("x:alignment", _NS)
        align = None if alignment is None else alignment.get("horizontal")
        yield custom.get(number, BUILTIN_FORMATS.get(number, "")), align


def _ordered(font: re.Match[bytes]) -> bytes:
    properties = sorted(
        _FONT_PROPERTY.finditer(font[0]), key=lambda found: FONT_ORDER.index(found[1].decode())
    )
    return b"".join(found[0] for found in properties)
