"""The columns that one person may name, of one ModelAdmin's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import ModelAdmin

from exportapp.exceptions import UnknownName
from exportapp.tables.changelist import request_of
from exportapp.tables.readable import field_names, may_read
from exportapp.tables.resolve import column_name
from exportapp.tables.selection import Viewer
from exportapp.tables.withheld import Withheld


def declared_columns(model_admin: ModelAdmin[Any]) -> list[Any] | None:
    """`export_columns`; None where there are none."""
    declared = getattr(model_admin, "export_columns", None)
    return None if declared is None else list(declared)


@dataclass(frozen=True, slots=True)
class Offered:
    """Ask it within `viewer.active()`."""

    model_admin: ModelAdmin[Any]
    viewer: Viewer

    def own(self) -> list[Any]:
        """`export_columns`, else what the list shows, else every field that may be seen."""
        declared = declared_columns(self.model_admin)
        if declared is None:
            return self.listed() or self.fields()
        return self.withheld.without(declared)

    def listed(self) -> list[Any]:
        listed = self.model_admin.get_list_display(request_of(self.viewer, {}))
        shown = [entry for entry in listed if entry != "action_checkbox"]
        return [] if shown == ["__str__"] else self.withheld.without(shown)

    def fields(self) -> list[str]:
        withheld = self.withheld
        names = field_names(self.model_admin, self.viewer)
        return [name for name in names if not withheld.covers(name)]

    def names(self) -> tuple[str, ...]:
        """Own columns first, then the list's, then the fields."""
        declared = [column_name(entry) for entry in [*self.own(), *self.listed()]]
        return tuple(dict.fromkeys([*declared, *self.fields()]))

    def may_name(self, path: str) -> bool:
        """Whether this viewer may name a field that nobody put on a list."""
        withheld = self.withheld.covers(path)
        return not withheld and may_read(self.model_admin, path, self.viewer)

    def chosen(self, names: Sequence[str]) -> list[Any]:
        """What was declared under these names. Raises UnknownName."""
        offered = {column_name(entry): entry for entry in [*self.listed(), *self.own()]}
        return [self._chosen(name, offered) for name in names]

    @property
    def withheld(self) -> Withheld:
        declared = declared_columns(self.model_admin) or ()
        return Withheld.of(self.model_admin.model, declared, self.viewer.user)

    def _chosen(self, name: str, offered: dict[str, Any]) -> Any:
        # Never an attribute that nobody offered: "delete" is one.
        if name not in offered and not self.may_name(name):
            raise UnknownName("column", name, self.names())
        return offered.get(name, name)
