"""The rows and columns of a registered `Export`, behind the same doors as a model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from exportapp.exceptions import RequestRefused, SourceChanged, UnknownName
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.exports import Export
from exportapp.tables.params import Fields, fields_for, settled, values_of
from exportapp.tables.paths import ToManyPath, follow
from exportapp.tables.resolve import Resolver, as_column, column_name, with_unique_keys
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.withheld import Withheld

NAME_LENGTH = 150
"""Of a file's name: a parameter may be long, and endings and numbers come behind it."""


@dataclass(frozen=True, slots=True)
class ExportSource:
    export: Export

    @property
    def model(self) -> type[Model]:
        return self.export.model

    @property
    def label(self) -> str:
        return self.export.name

    @property
    def title(self) -> str:
        return str(self.export.title or self.export.name)

    @property
    def description(self) -> str:
        return str(self.export.description)

    @property
    def is_offered(self) -> bool:
        return True

    @property
    def permission(self) -> str:
        """The permission that is asked for; empty where the class has a rule of its own."""
        own = type(self.export).has_permission is not Export.has_permission
        return "" if own else self.export.required_permission

    def permits(self, user: Any) -> bool:
        return bool(self.export.has_permission(user))

    def fields(self, viewer: Viewer) -> Fields:
        """Form fields of the parameters, as `viewer` may fill them in."""
        return fields_for(self.export.parameters, viewer)

    def settled(self, selection: Selection, viewer: Viewer) -> Selection:
        """The selection with every parameter checked and its default filled in.

        Raises UnknownName, ParameterRefused, and RequestRefused for what only a list can do.
        """
        if selection.query or selection.keys is not None:
            raise RequestRefused(
                f"The export '{self.label}' takes no filters, no search and no ticked rows. "
                f"Its parameters: {', '.join(self.export.parameters) or 'none'}."
            )
        with viewer.active():
            parameters = settled(self.fields(viewer), selection.parameters)
        return replace(selection, parameters=parameters)

    def queryset(self, selection: Selection, viewer: Viewer) -> QuerySet[Any]:
        """The export's own rows, not evaluated; its parameters must be settled.

        Evaluate it within `viewer.active()`. Raises SourceChanged when the code now has other
        parameters, ParameterRefused for a value that is no longer valid.
        """
        with viewer.active():
            rows = self._rows(viewer, self._values(selection.parameters, viewer))
            if selection.order:
                rows = rows.order_by(*(self._order(name, viewer) for name in selection.order))
        if "?" in rows.query.order_by:
            raise RequestRefused("A random order cannot be exported: order by a field.")
        return rows

    def columns(
        self,
        names: Sequence[str] | None,
        viewer: Viewer,
        parameters: Mapping[str, Any] | None = None,
    ) -> tuple[ColumnSpec, ...]:
        """The columns named, or all that `viewer` may have where `names` is None.

        Raises UnknownName, and RequestRefused for a path to many rows.
        """
        offered = self._offered(viewer)
        for name in names or ():
            if name not in offered:
                raise UnknownName("column", name, offered)
        with viewer.active():
            rows = self._rows(viewer, self._values(parameters or {}, viewer))
            resolver = Resolver(self.model, self.export, rows)
            chosen = offered.values() if names is None else [offered[name] for name in names]
            return with_unique_keys(resolver.resolve(entry) for entry in chosen)

    def available_columns(self, viewer: Viewer) -> tuple[str, ...]:
        return tuple(self._offered(viewer))

    def takes(self, name: str, viewer: Viewer) -> bool:
        """Whether `columns` takes this name."""
        return name in self._offered(viewer)

    def filename(self, selection: Selection, viewer: Viewer) -> str:
        """What the file is called, without its ending; parameters must be settled."""
        with viewer.active():
            today = timezone.localdate().isoformat()
            words = {"name": self.label, "date": today} | dict(selection.parameters)
            made = self.export.filename.format_map(words)
        return slugify(made.replace(":", "-"))[:NAME_LENGTH] or "export"

    def withheld(self, user: Any) -> Withheld:
        """The columns that this person lacks the permission for."""
        return Withheld.of(self.model, self.export.columns, user)

    def _offered(self, viewer: Viewer) -> dict[str, Any]:
        kept = self.withheld(viewer.user).without(self.export.columns)
        return {column_name(entry): entry for entry in kept}

    def _values(self, parameters: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
        declared = self.export.parameters.keys()
        if parameters.keys() != declared:
            gone, new = parameters.keys() - declared, declared - parameters.keys()
            raise SourceChanged(
                f"The parameters of '{self.label}' changed since it was asked for (gone: "
                f"{_listed(gone)}; new: {_listed(new)}). Start it over."
            )
        return values_of(self.fields(viewer), parameters)

    def _rows(self, viewer: Viewer, values: Mapping[str, Any]) -> QuerySet[Any]:
        rows: Any = self.export.get_queryset(viewer.user, values)
        # By its attributes: a developer may have returned anything.
        if getattr(rows, "model", None) is not self.model or not hasattr(rows, "query"):
            label = self.model._meta.label
            raise RequestRefused(f"The export '{self.label}' gives no queryset of {label}.")
        if rows._fields is not None:
            raise RequestRefused(
                f"The export '{self.label}' gives values() where rows are needed: name them in "
                "`columns`."
            )
        found: QuerySet[Any] = rows
        return found

    def _order(self, name: str, viewer: Viewer) -> str:
        plain = name.removeprefix("-")
        sortable = [
            key
            for key, entry in self._offered(viewer).items()
            if self._is_path(as_column(entry).key)
        ]
        if plain not in sortable:
            raise UnknownName("order", plain, sortable)
        return name

    def _is_path(self, key: Any) -> bool:
        try:
            return isinstance(key, str) and bool(follow(self.model, key))
        except (FieldDoesNotExist, ToManyPath):
            return False


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
