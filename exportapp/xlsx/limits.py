"""What Excel can hold, what it calls a sheet, and the errors that say so.

Sources: "Excel specifications and limits" (support.microsoft.com) for rows, columns, text and
line feeds; PKZIP APPNOTE 4.4.1.4 for the bounds of a zip without zip64.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

MAX_ROWS: Final = 1_048_576
"""Rows of a sheet, the header among them."""

MAX_COLUMNS: Final = 16_384
"""Columns of a sheet: A to XFD."""

MAX_CELL_UNITS: Final = 32_767
"""Text in one cell, in UTF-16 code units."""

MAX_LINE_FEEDS: Final = 253
"""Line feeds in one cell."""

MAX_NUMBER_DIGITS: Final = 15
"""Significant digits that survive in a number cell (IEEE 754 double)."""

MAX_TITLE_UNITS: Final = 31
"""A sheet's title, in UTF-16 code units."""

SHEET_XML_BYTES: Final = int(3.9 * 2**30)
"""Uncompressed XML aimed at for one sheet, in bytes: clear of the 4 GiB that would need zip64."""

MAX_ZIP_OFFSET: Final = 0xFFFF_FFFE
"""The last 32-bit size or offset; 0xFFFFFFFF means "look in the zip64 record"."""

MAX_ZIP_MEMBERS: Final = 0xFFFE
"""The last 16-bit member count; 0xFFFF means "look in the zip64 record"."""

_TITLE_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff]")


class XlsxError(Exception):
    """The workbook cannot be made."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class LimitExceeded(XlsxError, OverflowError):
    """The content is beyond what an .xlsx file can hold."""


def check_columns(count: int) -> None:
    """Raise XlsxError for no columns, LimitExceeded for more than a sheet has."""
    if not count:
        raise XlsxError("A sheet needs at least 1 column; it has 0.")
    if count > MAX_COLUMNS:
        raise LimitExceeded(f"A sheet holds at most {MAX_COLUMNS} columns; it would have {count}.")


def check_rows(last: int) -> None:
    """Raise LimitExceeded where the sheet's last row number, from 1, is more than Excel opens."""
    if last > MAX_ROWS:
        raise LimitExceeded(f"A sheet holds at most {MAX_ROWS} rows; it would have {last}.")


def cut_units(text: str, units: int) -> str:
    """The longest beginning of `text` that has at most `units` UTF-16 code units."""
    # Where the cut parts a surrogate pair, "ignore" drops the half that is left.
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")


def sheet_title(wanted: str, taken: Collection[str]) -> str:
    """The title nearest to `wanted` that Excel accepts beside the titles in `taken`.

    At most 31 UTF-16 units, none of `[]:*?/\\`, no apostrophe at an end, not blank, not the
    reserved "History", unique whatever the case.
    """
    base = _bare_title(wanted, MAX_TITLE_UNITS) or "Sheet"
    refused = {title.casefold() for title in taken} | {"history"}
    title, number = base, 1
    while title.casefold() in refused:
        number += 1
        suffix = f" ({number})"
        title = _bare_title(base, MAX_TITLE_UNITS - len(suffix)) + suffix
    return title


def _bare_title(text: str, units: int) -> str:
    return cut_units(_TITLE_FORBIDDEN.sub(" ", text).strip(" '"), units).rstrip(" '")
