"""What a developer says about the looks of a workbook: a function of it, and a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from openpyxl import Workbook

from exportapp.tables.registered import ExportSource
from exportapp.tables.sources import AnySource
from exportapp.xlsx import Template


@dataclass(frozen=True, slots=True)
class Look:
    hook: Callable[[Workbook], Any] | None = None
    """Called with the workbook when all but the data rows is in it."""
    template: Template | None = None
    """A workbook to begin with."""

    @classmethod
    def of(cls, source: AnySource) -> Self:
        """`workbook` and `template` of an `Export`; those of a ModelAdmin begin with "export_"."""
        if isinstance(source, ExportSource):
            hook: Any = source.export.workbook
            template: Any = source.export.template
        else:
            hook = getattr(source.model_admin, "export_workbook", None)
            template = getattr(source.model_admin, "export_template", None)
        if getattr(hook, "as_it_is", False):
            hook = None
        return cls(hook, Path(template) if isinstance(template, str) else template)
