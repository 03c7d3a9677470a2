"""The workbook of an export as all its shards and its merge see it: columns, sheets, skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import translation

from exportapp.jobs.layout import Layout
from exportapp.models import ExportJob
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.sources import find_source
from exportapp.xlsx import (
    CellColumn,
    SheetColumn,
    SheetPlan,
    Skeleton,
    build_skeleton,
    sheet_title,
    style_indexes,
)


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that rendering and merging need to agree on."""

    layout: Layout
    columns: list[SheetColumn]
    cells: list[CellColumn]
    titles: list[str]
    properties: dict[str, Any]

    @classmethod
    def of(cls, job: ExportJob) -> Book:
        assert job.layout is not None, "rendering begins after the layout"
        layout = Layout.from_json(job.layout)
        specs = [ColumnSpec.from_json(column) for column in job.columns]
        columns = [
            SheetColumn(
                title=spec.title,
                width=width,
                number_format=spec.number_format,
                align=spec.align,
            )
            for spec, width in zip(specs, layout.widths, strict=True)
        ]
        styles = style_indexes(columns)
        cells = [
            cell_of(spec, style=style, time_zone=job.time_zone, as_text=as_text)
            for spec, style, as_text in zip(specs, styles, layout.as_text, strict=True)
        ]
        name = _name(job)
        properties = {"title": name, "creator": "exportapp", "created": job.created_at}
        return cls(layout, columns, cells, _titles(name, len(layout.sheets)), properties)

    def skeleton(self, sheets: Sequence[tuple[int, int]]) -> Skeleton:
        """The workbook around the rows: (sheet, data rows down to the last one) of each sheet."""
        plans = [SheetPlan(title=self.titles[sheet], rows=rows) for sheet, rows in sheets]
        return build_skeleton(
            self.columns,
            plans or [SheetPlan(title=self.titles[0], rows=0)],
            properties=self.properties,
        )


def cell_of(spec: ColumnSpec, **settled: Any) -> CellColumn:
    """The column as the xlsx core takes it; `settled` is what style and layout decided."""
    return CellColumn(kind=spec.kind, **{"style": 0} | settled)


def _name(job: ExportJob) -> str:
    selection = job.selection
    model = find_source(selection["source"], selection["site"]).model
    with translation.override(job.language):
        return str(model._meta.verbose_name_plural).capitalize()


def _titles(name: str, count: int) -> list[str]:
    titles: list[str] = []
    for number in range(1, count + 1):
        titles.append(sheet_title(name if number == 1 else f"{name} {number}", titles))
    return titles
