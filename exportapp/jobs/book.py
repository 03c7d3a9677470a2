"""The workbook of an export as all its shards and its merge see it: columns, sheets, skeleton."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils import translation
from django.utils.text import capfirst

from exportapp.jobs.layout import Layout
from exportapp.jobs.options import Options
from exportapp.jobs.words import asked_for, notes, who
from exportapp.models import ExportJob
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.look import Look
from exportapp.tables.sheets import SheetSpec, sheets_from_json
from exportapp.tables.sources import AnySource, find_source
from exportapp.xlsx import (
    CellColumn,
    SheetColumn,
    SheetPlan,
    Skeleton,
    StringsPlan,
    build_skeleton,
    sheet_title,
    style_indexes,
    with_properties,
)


@dataclass(frozen=True, slots=True)
class Page:
    """How one sheet of the export looks, on however many sheets of the workbook."""

    specs: tuple[ColumnSpec, ...]
    columns: tuple[SheetColumn, ...]
    cells: list[CellColumn]


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that rendering and merging need to agree on."""

    layout: Layout
    pages: list[Page]
    titles: list[str]
    """Of each sheet of the workbook."""
    properties: dict[str, Any]
    references: bool = True
    """Whether cells carry their references."""
    right_to_left: bool = False
    look: Look = Look()
    notes: Sequence[tuple[str, str]] = ()

    @classmethod
    def of(cls, job: ExportJob) -> Book:
        assert job.layout is not None, "rendering begins after the layout"
        return cls.laid_out(
            sheets_from_json(job.sheets, job.columns),
            Layout.from_json(job.layout),
            name=_name(job),
            time_zone=job.time_zone,
            created=job.created_at,
            references=not Options.from_json(job.options).compact,
            right_to_left=is_right_to_left(job.language),
        )

    @classmethod
    def finished(cls, job: ExportJob) -> Book:
        """The same as the person gets it: with the developer's looks, notes, and who asked."""
        book = cls.of(job)
        told = {"creator": who(job) or "exportapp", "description": asked_for(job)}
        look = Look.of(find_source(job.selection["source"], job.selection["site"]))
        return replace(book, properties=book.properties | told, look=look, notes=notes(job))

    @classmethod
    def laid_out(
        cls,
        sheets: Sequence[SheetSpec],
        layout: Layout,
        *,
        name: str,
        time_zone: str,
        created: datetime,
        references: bool = True,
        right_to_left: bool = False,
    ) -> Book:
        specs = [spec for sheet in sheets for spec in sheet.columns]
        columns = [
            SheetColumn(
                title=spec.title,
                width=width,
                number_format=spec.number_format,
                align=spec.align,
            )
            for spec, width in zip(specs, layout.widths, strict=True)
        ]
        # One table for all sheets: a worker that renders one of them knows of no other workbook.
        styles = style_indexes(columns)
        cells = [
            cell_of(spec, style=style, time_zone=time_zone, as_text=as_text)
            for spec, style, as_text in zip(specs, styles, layout.as_text, strict=True)
        ]
        if layout.strings:
            shared = map(layout.strings.column, range(len(cells)))
            cells = [replace(cell, **told) for cell, told in zip(cells, shared, strict=True)]
        looks, values = iter(columns), iter(cells)
        pages = [
            Page(tuple(sheet.columns), tuple(islice(looks, count)), list(islice(values, count)))
            for sheet, count in ((sheet, len(sheet.columns)) for sheet in sheets)
        ]
        titles = _titles([sheet.title or name for sheet in sheets], layout)
        properties = {"title": name, "creator": "exportapp", "created": created}
        return cls(layout, pages, titles, properties, references, right_to_left)

    def page(self, sheet: int) -> Page:
        """How a sheet of the workbook looks."""
        return self.pages[self.layout.part(sheet)]

    def skeleton(self, sheets: Sequence[tuple[int, int]], *, texts: int = 0) -> Skeleton:
        """The workbook around the rows: (sheet, its data rows) of each sheet.

        `texts` is how many shared strings of rows there are, those of tables left out.
        """
        columns = tuple(column for page in self.pages for column in page.columns)
        plans = [self._plan(sheet, rows) for sheet, rows in sheets] or [self._plan(0, 0)]
        strings = self.layout.strings.plan(texts) if self.layout.strings else None
        if self.look == Look() and not self.notes:
            return with_properties(_skeleton(columns, tuple(plans), strings), self.properties)
        return build_skeleton(
            columns,
            plans,
            properties=self.properties,
            notes=self.notes,
            hook=self.look.hook,
            template=self.look.template,
            strings=strings,
        )

    def _plan(self, sheet: int, rows: int) -> SheetPlan:
        return SheetPlan(
            title=self.titles[sheet],
            rows=rows,
            columns=self.page(sheet).columns,
            right_to_left=self.right_to_left,
        )


@functools.lru_cache(maxsize=4)
def _skeleton(
    columns: tuple[SheetColumn, ...],
    plans: tuple[SheetPlan, ...],
    strings: StringsPlan | None,
) -> Skeleton:
    # The shards of a sheet have the same, and so has the file in the end: openpyxl would take a
    # tenth of the time of each.
    return build_skeleton(columns, plans, properties={}, strings=strings)


def cell_of(spec: ColumnSpec, **settled: Any) -> CellColumn:
    """The column as the xlsx core takes it; `settled` is what style and layout decided."""
    return CellColumn(kind=spec.kind, **{"style": 0} | settled)


def is_right_to_left(language: str) -> bool:
    """Whether the first column is at the right for people of this language."""
    with translation.override(language):
        return translation.get_language_bidi()


def name_of(source: AnySource, language: str) -> str:
    """What the workbook and its first sheet are called."""
    with translation.override(language):
        return capfirst(source.title)


def _name(job: ExportJob) -> str:
    selection = job.selection
    return name_of(find_source(selection["source"], selection["site"]), job.language)


def _titles(names: Sequence[str], layout: Layout) -> list[str]:
    """The title of each sheet of the workbook: "Lines", and "Lines 2" where it is full."""
    titles: list[str] = []
    for sheet in range(len(layout.sheets)):
        part = layout.part(sheet)
        number = sheet - layout.first_sheet(part) + 1
        name = names[part]
        titles.append(sheet_title(name if number == 1 else f"{name} {number}", titles))
    return titles
