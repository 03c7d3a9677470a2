"""The rows and columns of a registered `Export`, behind the same doors as a model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.db.models import Model
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from exportapp.exceptions import NotAllowed, RequestRefused, SourceChanged, UnknownName
from exportapp.tables.bounds import require_bounded
from exportapp.tables.exports import Export
from exportapp.tables.params import Fields, fields_for, settled, values_of
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import DOT, SheetSource, SheetSpec
from exportapp.tables.titles import renamed
from exportapp.tables.withheld import Withheld
from exportapp.tables.wording import order_words, parameter_words
from exportapp.xlsx import Kind

NAME_LENGTH = 150
"""Of a file's name: a parameter may be long, and endings and numbers come behind it."""


@dataclass(frozen=True, slots=True)
class ExportSource:
    export: Export

    @property
    def models(self) -> list[type[Model]]:
        """Of its sheets."""
        return [part.model for part in self.export.parts]

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
    def permissions(self) -> tuple[str, ...]:
        """The permissions that are asked for; none where the class has a rule of its own."""
        own = type(self.export).has_permission is not Export.has_permission
        return () if own else self.export.required_permissions

    def permits(self, user: Any) -> bool:
        return bool(self.export.has_permission(user))

    def fields(self, viewer: Viewer) -> Fields:
        """Form fields of the parameters, as `viewer` may fill them in."""
        return fields_for(self.export.parameters, viewer)

    def settled(self, selection: Selection, viewer: Viewer) -> Selection:
        """The selection with every parameter checked and its default filled in.

        Raises UnknownName, ParameterRefused, and RequestRefused for what only a list can do.
        """
        require_bounded(selection)
        if selection.query or selection.keys is not None:
            raise RequestRefused(
                _(
                    "The export '{name}' takes no filters, no search and no ticked rows. "
                    "Its parameters: {names}."
                ).format(name=self.label, names=", ".join(self.export.parameters) or _("none"))
            )
        with viewer.active():
            parameters = settled(self.fields(viewer), selection.parameters)
        return replace(selection, parameters=parameters)

    def sheets(self, selection: Selection, viewer: Viewer) -> tuple[SheetSpec, ...]:
        """The sheets with their columns and rows; parameters must be settled.

        All sheets that have a column which `viewer` may have, or those of the columns named.
        Evaluate the rows within `viewer.active()`. Raises UnknownName, NotAllowed where there is
        none, RequestRefused for what cannot be a sheet, SourceChanged when the code now has other
        parameters, and ParameterRefused for a value that is no longer valid.
        """
        asked = self._asked(selection.columns, viewer)
        orders = self._orders(selection.order, asked, viewer)
        with viewer.active():
            values = self._values(selection.parameters, viewer)
            sheets = tuple(
                part.spec(entries, orders[part.name], viewer.user, values, codes=selection.codes)
                for part, entries in asked
            )
        return self._renamed(sheets, selection.titles)

    def available_columns(self, viewer: Viewer) -> tuple[str, ...]:
        """By sheet: "lines.sku". The name of the first sheet may be left out."""
        return tuple(name for part in self._parts() for name in part.offered(viewer))

    def own_columns(self, viewer: Viewer) -> tuple[str, ...]:
        """The names of those that an export has where none are named: all of them."""
        return self.available_columns(viewer)

    def titles(self, names: Sequence[str], viewer: Viewer) -> dict[str, str]:
        """What these columns are called by themselves, by name. Raises UnknownName."""
        with viewer.active():
            known = {name: t for part in self._parts() for name, t in part.titles(viewer).items()}
        for name in names:
            if self._full(name) not in known:
                raise UnknownName("column", name, known)
        return {name: known[self._full(name)] for name in names}

    def sheet_titles(self) -> dict[str, str]:
        """What the sheets are called, by the name before the dot; empty where there is one."""
        return {part.name: part.title for part in self._parts() if part.name}

    def takes(self, name: str, viewer: Viewer) -> bool:
        """Whether a selection's columns may have this name."""
        return self._full(name) in self.available_columns(viewer)

    def described(self, viewer: Viewer) -> Iterator[tuple[str, str, Kind | None]]:
        """Name, title and kind of each column that `viewer` may have, before parameters are known.

        The viewer's language must be active.
        """
        for part in self._parts():
            yield from part.described(viewer)

    def sortable(self, viewer: Viewer) -> list[str]:
        """The names that a selection's order may have."""
        return [name for part in self._parts() for name in part.sortable(viewer)]

    def words(self, selection: Selection, viewer: Viewer) -> tuple[str, ...]:
        """The parameters and what was chosen, for people; parameters must be settled."""
        with viewer.active():
            fields = self.fields(viewer)
            values = self._values(selection.parameters, viewer)
            titles = self.titles([name.removeprefix("-") for name in selection.order], viewer)
            told = parameter_words(fields, values)
            return (*told, *order_words(titles, selection.order))

    def filename(self, selection: Selection, viewer: Viewer) -> str:
        """What the file is called, without its ending; parameters must be settled."""
        with viewer.active():
            today = timezone.localdate().isoformat()
            words = {"name": self.label, "date": today} | dict(selection.parameters)
            made = self.export.filename.format_map(words)
        return slugify(made.replace(":", "-"))[:NAME_LENGTH] or "export"

    def withheld(self, user: Any) -> Withheld:
        """The columns of all sheets that this person lacks the permission for."""
        columns = {
            part.full(name): column
            for part in self._parts()
            for name, column in part.withheld(user).columns.items()
        }
        return Withheld(self.models[0], columns, ())

    def _parts(self) -> list[SheetSource]:
        said = f"The export '{self.label}'"
        if not self.export.sheets:
            return [SheetSource(self.export, said)]
        return [
            SheetSource(part, f"The sheet '{part.name}' of the export '{self.label}'", part.name)
            for part in self.export.parts
        ]

    def _full(self, name: str) -> str:
        """The name of a column of the first sheet may go without the sheet's."""
        return name if DOT in name else self._parts()[0].full(name)

    def _renamed(
        self, sheets: tuple[SheetSpec, ...], given: Mapping[str, str]
    ) -> tuple[SheetSpec, ...]:
        titles = {self._full(name): title for name, title in given.items()}
        columns = renamed((column for sheet in sheets for column in sheet.columns), titles)
        rest = iter(columns)
        return tuple(
            replace(sheet, columns=tuple(islice(rest, len(sheet.columns)))) for sheet in sheets
        )

    def _asked(
        self, names: Sequence[str] | None, viewer: Viewer
    ) -> list[tuple[SheetSource, list[Any]]]:
        """The sheets that are wanted, and the columns of each as they were declared."""
        parts = [(part, part.offered(viewer)) for part in self._parts()]
        offered = {name: entry for _, entries in parts for name, entry in entries.items()}
        for name in names or ():
            if self._full(name) not in offered:
                raise UnknownName("column", name, offered)
        wanted = list(offered) if names is None else [self._full(name) for name in names]
        asked = [(part, [own[name] for name in wanted if name in own]) for part, own in parts]
        found = [(part, entries) for part, entries in asked if entries]
        if not found:
            raise NotAllowed(
                _("The export '{name}' has no column that you may have.").format(name=self.label)
            )
        return found

    def _orders(
        self, names: Sequence[str], asked: Sequence[tuple[SheetSource, Any]], viewer: Viewer
    ) -> dict[str, list[str]]:
        """The order that was asked for, by sheet. Raises UnknownName."""
        orders: dict[str, list[str]] = {part.name: [] for part, _ in asked}
        sortable = {
            name: (part, path) for part, _ in asked for name, path in part.sortable(viewer).items()
        }
        for name in names:
            plain = name.removeprefix("-")
            if self._full(plain) not in sortable:
                raise UnknownName("order", plain, sortable)
            part, path = sortable[self._full(plain)]
            orders[part.name].append(f"-{path}" if name.startswith("-") else path)
        return orders

    def _values(self, parameters: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
        declared = self.export.parameters.keys()
        if parameters.keys() != declared:
            gone, new = parameters.keys() - declared, declared - parameters.keys()
            raise SourceChanged(
                _(
                    "The parameters of '{name}' changed since it was asked for (gone: "
                    "{gone}; new: {new}). Start it over."
                ).format(name=self.label, gone=_listed(gone), new=_listed(new))
            )
        return values_of(self.fields(viewer), parameters)


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or _("none")
