"""The sheets of an export: what each is, and one sheet of a registered export as a person has it.

A name of a column is "lines.sku" where there are several sheets, in requests, jobs and issues.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.tables.columns import ColumnSpec, fingerprint
from exportapp.tables.exports import Sheet
from exportapp.tables.paths import ToManyPath, follow
from exportapp.tables.resolve import Resolver, as_column, column_name, with_unique_keys
from exportapp.tables.selection import Viewer
from exportapp.tables.titles import own_title
from exportapp.tables.withheld import Withheld
from exportapp.xlsx import Kind

DOT: Final = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSpec:
    """A sheet of one export, settled for its viewer."""

    name: str = ""
    """Empty where the export has one sheet that needs no name."""
    title: str = ""
    """In the viewer's language; a sheet without a name is called as the export."""
    columns: tuple[ColumnSpec, ...]
    rows: Any = field(default=None, compare=False)
    """The queryset, not evaluated; None in a spec that was read back from JSON."""


def sheets_to_json(sheets: Sequence[SheetSpec]) -> list[dict[str, Any]]:
    """Everything but columns and rows; nothing for a single sheet without a name."""
    return [
        {"name": sheet.name, "title": sheet.title, "columns": len(sheet.columns)}
        for sheet in sheets
        if sheet.name
    ]


def sheets_from_json(
    sheets: Sequence[Mapping[str, Any]], columns: Iterable[Mapping[str, Any]]
) -> list[SheetSpec]:
    """The sheets of an export from what `sheets_to_json` gave, and their columns' JSON in turn."""
    specs = map(ColumnSpec.from_json, columns)
    if not sheets:
        return [SheetSpec(columns=tuple(specs))]
    return [
        SheetSpec(
            name=sheet["name"],
            title=sheet["title"],
            columns=tuple(islice(specs, sheet["columns"])),
        )
        for sheet in sheets
    ]


def sheets_fingerprint(sheets: Sequence[SheetSpec]) -> str:
    """SHA-256, in hex, of what makes the sheets and columns of two exports the same."""
    if not sheets_to_json(sheets):
        return fingerprint(sheets[0].columns)
    parts = [[sheet.name, sheet.title, fingerprint(sheet.columns)] for sheet in sheets]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SheetSource:
    """A sheet of a registered export, behind the doors that `ExportSource` opens."""

    sheet: Sheet
    said: str
    """What messages call it: "The export 'paid-orders'"."""
    name: str = ""
    """Empty where the export has no other."""

    def full(self, name: str) -> str:
        """The name of its column in a request."""
        return f"{self.name}{DOT}{name}" if self.name else name

    @property
    def title(self) -> str:
        """Empty where the export has no other sheet."""
        own = self.sheet.title or self.sheet.model._meta.verbose_name_plural
        return capfirst(str(own)) if self.name else ""

    def withheld(self, user: Any) -> Withheld:
        """The columns that this person lacks the permission for, by their short names."""
        return Withheld.of(self.sheet.model, self.sheet.columns, user)

    def offered(self, viewer: Viewer) -> dict[str, Any]:
        """What `viewer` may have, by name in a request."""
        kept = self.withheld(viewer.user).without(self.sheet.columns)
        return {self.full(column_name(entry)): entry for entry in kept}

    def described(self, viewer: Viewer) -> Iterator[tuple[str, str, Kind | None]]:
        """Name, title and kind of each column; no kind of what only the queryset knows.

        The viewer's language must be active.
        """
        resolver = Resolver(self.sheet.model, self.sheet, self.sheet.model._default_manager.none())
        for name, entry in self.offered(viewer).items():
            column = as_column(entry)
            try:
                spec = resolver.resolve(entry)
            except RequestRefused:
                title = column_name(entry) if column.title is None else column.title
                yield name, str(title), column.kind
            else:
                yield name, spec.title, spec.kind

    def sortable(self, viewer: Viewer) -> dict[str, str]:
        """The paths that `viewer` may order by, by name in a request."""
        keys = {name: as_column(entry).key for name, entry in self.offered(viewer).items()}
        return {name: key for name, key in keys.items() if self._is_path(key)}

    def titles(self, viewer: Viewer) -> dict[str, str]:
        """What the columns that `viewer` may have are called, by name in a request."""
        return {
            name: own_title(entry, self.sheet.model, self.sheet)
            for name, entry in self.offered(viewer).items()
        }

    def spec(
        self,
        entries: Iterable[Any],
        order: Sequence[str],
        user: Any,
        values: Mapping[str, Any],
        *,
        codes: bool = False,
    ) -> SheetSpec:
        """The sheet with these columns, ordered by these paths where any are given.

        `codes` gives choices as their code. The viewer's language and time zone must be active.
        Raises UnknownName, and RequestRefused for a path to many rows and for what is no queryset
        of the model.
        """
        rows = self._rows(user, values)
        resolver = Resolver(self.sheet.model, self.sheet, rows, codes)
        specs = with_unique_keys(resolver.resolve(entry) for entry in entries)
        if order:
            rows = rows.order_by(*order)
        if "?" in rows.query.order_by:
            raise RequestRefused(_("A random order cannot be exported: order by a field."))
        return SheetSpec(
            name=self.name,
            title=self.title,
            columns=tuple(replace(spec, key=self.full(spec.key)) for spec in specs),
            rows=rows,
        )

    def _rows(self, user: Any, values: Mapping[str, Any]) -> QuerySet[Any]:
        rows: Any = self.sheet.get_queryset(user, values)
        # By its attributes: a developer may have returned anything.
        if getattr(rows, "model", None) is not self.sheet.model or not hasattr(rows, "query"):
            raise RequestRefused(
                f"{self.said} gives no queryset of {self.sheet.model._meta.label}."
            )
        if rows._fields is not None:
            raise RequestRefused(
                f"{self.said} gives values() where rows are needed: name them in `columns`."
            )
        found: QuerySet[Any] = rows
        return found

    def _is_path(self, key: Any) -> bool:
        try:
            return isinstance(key, str) and bool(follow(self.sheet.model, key))
        except (FieldDoesNotExist, ToManyPath):
            return False
