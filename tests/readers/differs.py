"""Where a reader is known to see another cell than the one that is meant, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from tests.readers.files import MODES


class Difference(NamedTuple):
    readers: tuple[str, ...]
    column: str
    reason: str
    cells: dict[str, Any]
    """What the reader sees, by the name of the trap."""
    modes: tuple[str, ...] = tuple(MODES)
    """The files in which it does."""


INLINE = tuple(mode for mode in MODES if mode != "shared")
"""Those whose texts of many kinds are in the cells."""

FAILS = {
    ("gnumeric", "compact"): "finds no rows: it knows no cell without its reference",
    ("exceljs", "compact"): "stops with an error: it knows no cell without its reference",
}
"""The readers that cannot read a mode."""


OPENPYXL = ("openpyxl", "openpyxl read-only", "pandas with openpyxl")

AS_WRITTEN = (
    "leaves _xHHHH_ as it is written, where [MS-OI29500] 22.9.2.19 says it is a character",
    {
        "carriage return": "a_x000D_b",
        "carriage return and line feed": "a_x000D_\nb",
        "escape written out": "_x005F_x0041_",
        "escapes that share an underscore": "_x005F_x0041_x005F_x0042_x005F_x000D_",
        "escaped underscore written out": "_x005F_x005F_x005F_x0041_ _x005F_x005f_",
    },
)

DIFFERS = [
    Difference(("DuckDB", "gnumeric"), "text", *AS_WRITTEN),
    Difference((*OPENPYXL, "exceljs"), "text", *AS_WRITTEN, INLINE),
    Difference(
        OPENPYXL,
        "text",
        "knows of all _xHHHH_ in a shared string only _x005F_, and drops each",
        {
            "carriage return": "a_x000D_b",
            "carriage return and line feed": "a_x000D_\nb",
            "escaped underscore written out": "_x0041_ _x005f_",
        },
        ("shared",),
    ),
    Difference(
        ("xlsx2csv",),
        "text",
        "leaves _xHHHH_ as it is written but for carriage returns, of which it drops one "
        "before a line feed",
        {
            "carriage return": "a_x000D_b",
            "carriage return and line feed": "a\nb",
            "escape written out": "_x005F_x0041_",
            "escapes that share an underscore": "_x005F_x0041_x005F_x0042_x005F_x000D_",
            "escaped underscore written out": "_x005F_x005F_x005F_x0041_ _x005F_x005f_",
        },
    ),
    Difference(
        ("LibreOffice",),
        "text",
        "has lines in a cell, and every way to end one is the same",
        {"carriage return and line feed": "a\nb"},
    ),
    Difference(
        ("gnumeric",),
        "text",
        "its own XML leaves out U+007F",
        {"C1 control characters, legal in XML": "ab\x85c\x9f"},
    ),
    Difference(
        ("LibreOffice",),
        "float",
        "its own XML keeps 15 digits",
        {"seventeen digits": 0.3, "smallest normal": 2.2250738585072e-308},
    ),
    Difference(
        ("LibreOffice",),
        "moment",
        "its own XML keeps hundredths of a second",
        {"winter time, milliseconds": datetime(2026, 2, 1, 0, 30, 0, 130_000)},
    ),
    Difference(
        ("polars",),
        "float",
        "makes text of a column that has text too, without exponents and with 15 digits",
        {
            "seventeen digits": "0.3",
            "largest": f"{1.7976931348623157e308:.0f}",
            "smallest normal": "0",
            "smallest of all": "0",
        },
    ),
    Difference(
        ("xlsx2csv",),
        "float",
        "writes numbers without exponents",
        {
            "seventeen digits": "0.3",
            "largest": "17976931348623157" + "0" * 292,
            "smallest normal": "0",
            "smallest of all": "0",
        },
    ),
    Difference(
        ("xlsx2csv",),
        "decimal",
        "writes numbers without exponents and to 17 digits",
        {"fifteen digits": "12345678901.234501", "small": "0"},
    ),
    Difference(
        ("xlsx2csv",),
        "moment",
        "writes no fractions of a second",
        {"winter time, milliseconds": "2026-02-01 00:30:00"},
    ),
    Difference(
        ("xlsx2csv",),
        "span",
        "takes [h]:mm:ss for a time of day",
        {
            "a hundred days": "01:00:00",
            "before serial 60": "12:00:00",
            "negative": "18:00:00",
        },
    ),
]


def seen_by(reader: str, mode: str, column: str, trap: Any) -> Any:
    """The cell that `reader` is to see, which is the trap's own unless a difference is known."""
    for difference in DIFFERS:
        known = reader in difference.readers and column == difference.column
        if known and mode in difference.modes and trap.name in difference.cells:
            return difference.cells[trap.name]
    return trap.cell
