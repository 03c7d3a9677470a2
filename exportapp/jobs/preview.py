"""The first rows as the sheet will show them: no job, no file, no count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

import pyarrow as pa
from django.db import DatabaseError, OperationalError
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.flat.texts import text_of
from exportapp.jobs.rights import source_for
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.counting import hurried
from exportapp.tables.keyset import Keyset
from exportapp.tables.readers import Chunk, read
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.xlsx import Kind

ROWS: Final = 20

SECONDS: Final = 3
"""How long PostgreSQL may look for the first rows of a sheet."""

CANCELLED: Final = "57014"
"""What PostgreSQL says of a statement that took too long (its documentation, appendix A)."""

TEXT_SHOWN: Final = 120
"""Characters of a cell."""

NUMBERS: Final = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT})

_GROUPED: Final = re.compile(r"#,##0(?:\.(?P<places>0+))?(?P<more>#*)")
"""The formats of decimals that are our own (`tables.kinds`)."""

_FRACTION: Final = re.compile(r"\.\d+$")


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    issue: str = ""
    """Why the value cannot be written as it is."""
    align: str = ""
    """ "right", "left" or "center"; empty is the side where text begins."""


@dataclass(frozen=True, slots=True)
class SheetPreview:
    title: str
    """Empty where there is one sheet."""
    headings: list[Cell]
    rows: list[list[Cell]]


def preview(selection: Selection, viewer: Viewer, rows: int = ROWS) -> list[SheetPreview]:
    """The first rows of each sheet, by the readers and the rights of an export.

    A value that is bad is blank and says why, whatever the policy would do with its row. Raises
    what `lifecycle.create` raises, and RequestRefused where the rows take long to find.
    """
    source = source_for(viewer.user, selection.source, selection.site)
    sheets = source.sheets(source.settled(selection, viewer), viewer)
    return [_sheet(sheet, viewer, rows) for sheet in sheets]


def _sheet(sheet: SheetSpec, viewer: Viewer, rows: int) -> SheetPreview:
    found = Keyset.of(sheet.rows).ordered()[:rows]
    reading = partial(read, found, sheet.columns, viewer, batch_rows=rows, policy="blank")
    try:
        with hurried(found.db, 1000 * SECONDS):
            chunks = list(reading())
    except OperationalError as error:
        told = _("The first rows cannot be read now.")
        if getattr(error.__cause__, "sqlstate", None) == CANCELLED:
            told = _("The first rows take too long to find to be shown here.")
        raise RequestRefused(told) from error
    except DatabaseError:
        # A function of one value ended the transaction for all others; a job reads without one.
        chunks = list(reading())
    shown = [row for chunk in chunks for row in _rows(chunk, sheet.columns, viewer)]
    headings = [Cell(spec.title, align=_align(spec)) for spec in sheet.columns]
    return SheetPreview(sheet.title, headings, shown)


def _rows(chunk: Chunk, columns: Sequence[ColumnSpec], viewer: Viewer) -> Iterator[list[Cell]]:
    issues = {(issue.key, issue.column): issue.message for issue in chunk.issues}
    texts = [
        _texts(chunk.batch.column(index), spec, viewer.time_zone)
        for index, spec in enumerate(columns)
    ]
    for key, *values in zip(map(str, chunk.keys), *texts, strict=True):
        yield [
            Cell(text, issues.get((key, spec.key), ""), _align(spec))
            for spec, text in zip(columns, values, strict=True)
        ]


def _align(spec: ColumnSpec) -> str:
    """As a sheet does it: numbers and moments at the right, truth values in the middle."""
    if spec.align:
        return spec.align
    if spec.kind is Kind.BOOLEAN:
        return "center"
    return "" if spec.kind is Kind.TEXT else "right"


def _texts(array: pa.Array, spec: ColumnSpec, time_zone: str) -> list[str]:
    texts = text_of(array, spec.kind, time_zone).to_pylist()
    return [_cut(_shown(text, spec)) if text is not None else "" for text in texts]


def _shown(text: str, spec: ColumnSpec) -> str:
    """The text as the cell's number format shows it; developers' own formats are left aside."""
    if spec.kind is Kind.BOOLEAN:
        return text.upper()
    if spec.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        return _FRACTION.sub("", text)
    grouped = _GROUPED.fullmatch(spec.number_format)
    if spec.kind is Kind.DECIMAL and grouped:
        least = len(grouped["places"] or "")
        return _decimal(text, least, least + len(grouped["more"]))
    return text


def _decimal(text: str, least: int, most: int) -> str:
    """With commas between thousands, and as many decimal places as the format has."""
    shown = f"{Decimal(text):,.{most}f}"
    while most > least and shown.endswith("0"):
        shown, most = shown[:-1], most - 1
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"
