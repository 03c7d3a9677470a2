"""The columns on the asking page: which, in what order, under what titles.

Every column has a box, `columns`, and a text, `title-<name>`; a browser sends them in the order
in which they stand on the page, and that is the order of the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import DOT
from exportapp.tables.sources import AnySource
from exportapp.tables.titles import TITLE_LENGTH, check_titles

COLUMNS: Final = "columns"
TITLE: Final = "title-"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    own_title: str
    title: str
    ticked: bool

    @property
    def up(self) -> str:
        """What its button sends."""
        return f"up:{self.name}"

    @property
    def down(self) -> str:
        return f"down:{self.name}"


@dataclass(slots=True)
class ColumnForm:
    source: AnySource
    viewer: Viewer
    names: list[str]
    """All of them in their order on the page."""
    ticked: set[str]
    titles: dict[str, str]
    """What stands in the fields."""
    may_be_empty: bool = True
    """Whether no tick at all stands for the export's own columns."""
    errors: list[str] = field(default_factory=list)
    title_length: int = TITLE_LENGTH
    pressed: str = ""
    """The button that moved a column: it keeps the focus."""

    @classmethod
    def of(cls, source: AnySource, viewer: Viewer, selection: Selection) -> ColumnForm:
        """As `selection` has them."""
        own = selection.columns or source.own_columns(viewer)
        names = dict.fromkeys([*own, *source.available_columns(viewer)])
        return cls(source, viewer, list(names), set(own), dict(selection.titles))

    @classmethod
    def posted(cls, source: AnySource, viewer: Viewer, data: Any) -> ColumnForm:
        """As the page sent them; what may not be named is left out and said."""
        titles = {name.removeprefix(TITLE): data[name] for name in data if name.startswith(TITLE)}
        ticked = data.getlist(COLUMNS)
        available = source.available_columns(viewer)
        names = list(dict.fromkeys([*titles, *ticked, *available]))
        unknown = [n for n in names if n not in available and not source.takes(n, viewer)]
        known = [name for name in names if name not in unknown]
        errors = [str(UnknownName("column", name, available)) for name in unknown]
        found = cls(source, viewer, known, set(ticked), titles, not titles, errors)
        found.change(data)
        return found

    def change(self, data: Mapping[str, Any]) -> None:
        """What a button did where there is no JavaScript: "up:number", "all"."""
        if data.get("tick") in ("all", "none"):
            self.ticked = set(self.names) if data["tick"] == "all" else set()
        self.pressed = data.get("move", "")
        way, _colon, name = self.pressed.partition(":")
        if name in self.names:
            group = [n for n in self.names if _sheet(n) == _sheet(name)]
            place = group.index(name) + (-1 if way == "up" else 1)
            if 0 <= place < len(group):
                here, there = self.names.index(name), self.names.index(group[place])
                self.names[here], self.names[there] = self.names[there], self.names[here]

    def is_valid(self) -> bool:
        if not self.may_be_empty and not self.ticked:
            self.errors.append(_("Tick at least one column."))
        try:
            check_titles(self.given_titles)
        except RequestRefused as error:
            self.errors.append(str(error))
        return not self.errors

    @property
    def chosen(self) -> tuple[str, ...] | None:
        """The ticked ones in their order; None for just the export's own."""
        names = tuple(name for name in self.names if name in self.ticked)
        return None if not names or names == self.source.own_columns(self.viewer) else names

    @property
    def given_titles(self) -> dict[str, str]:
        """Those of ticked columns that are not their own."""
        own = self._own_titles([name for name in self.names if name in self.ticked])
        given = {name: self.titles.get(name, "").strip() for name in own}
        return {name: text for name, text in given.items() if text and text != own[name]}

    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows of the page by sheet: its title, which is empty where there is one sheet."""
        sheets = self.source.sheet_titles() or {"": ""}
        own = self._own_titles(self.names)
        first = next(iter(sheets))
        rows: dict[str, list[Row]] = {name: [] for name in sheets}
        for name in self.names:
            title = self.titles.get(name) or own[name]
            row = Row(name, own[name], title, name in self.ticked)
            rows.get(_sheet(name), rows[first]).append(row)
        return [(title, rows[name]) for name, title in sheets.items() if rows[name]]

    def _own_titles(self, names: Sequence[str]) -> dict[str, str]:
        return self.source.titles(names, self.viewer)


def _sheet(name: str) -> str:
    return name.partition(DOT)[0] if DOT in name else ""
