"""Columns that ask for a permission, and the other ways to the same values.

Whoever may not have a column may not filter, search or order by its field either: a filter says
yes or no about a value as often as it is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.utils.translation import gettext as _

from exportapp.exceptions import NotAllowed, RequestRefused
from exportapp.tables.changelist import NOT_FILTERS, request_of
from exportapp.tables.columns import Column
from exportapp.tables.expressions import named_paths
from exportapp.tables.paths import steps
from exportapp.tables.resolve import column_name
from exportapp.tables.selection import Viewer


def may_have(column: Column, user: Any) -> bool:
    """Whether `user` has the permission that the column asks for, if any."""
    if column.permission is None:
        return True
    if isinstance(column.permission, str):
        return bool(user.has_perm(column.permission))
    return bool(column.permission(user))


@dataclass(frozen=True, slots=True)
class Withheld:
    """The declared columns that one person may not have."""

    model: type[Model]
    columns: Mapping[str, Column]
    """By their name in a request."""
    fields: tuple[Any, ...]
    """The fields behind them, by whatever path they are reached."""

    @classmethod
    def of(cls, model: type[Model], declared: Iterable[Any], user: Any) -> Self:
        refused = {
            column_name(column): column
            for column in declared
            if isinstance(column, Column) and not may_have(column, user)
        }
        fields = (_field(model, column.key) for column in refused.values())
        return cls(model, refused, tuple(field for field in fields if field is not None))

    def covers(self, path: str) -> bool:
        """Whether `path`, maybe with a lookup at its end, says something about such a column."""
        if not self.columns:
            return False
        first = path.partition(LOOKUP_SEP)[0]
        return (
            path in self.columns
            or first in self.columns
            or any(step in self.fields for step in steps(self.model, path))
        )

    def covers_any(self, item: Any) -> bool:
        """The same for an expression or an item of an order."""
        return bool(self.columns) and any(map(self.covers, named_paths(item)))

    def without(self, entries: Iterable[Any]) -> list[Any]:
        """The entries of a list of columns that this person may have."""
        if not self.columns:
            return list(entries)
        return [entry for entry in entries if column_name(entry) not in self.columns]

    def among(self, keys: Collection[str]) -> list[str]:
        """Which of these columns are withheld."""
        return [name for name in self.columns if name in keys]

    def require(self, keys: Collection[str], user: Any) -> None:
        """Raises NotAllowed when one of the columns of an export is withheld by now."""
        for name in self.among(keys):
            column = self.columns[name]
            said = _("{user} may not export the column '{column}'.")
            if isinstance(column.permission, str):
                said = _(
                    "{user} may not export the column '{column}': "
                    "the permission '{permission}' is missing."
                )
            raise NotAllowed(said.format(user=user, column=name, permission=column.permission))

    def filters_among(self, query: Iterable[str]) -> list[str]:
        """The filters that ask about such a column."""
        return [name for name in query if name not in NOT_FILTERS and self.covers(name)]

    def check_query(
        self, model_admin: ModelAdmin[Any], query: Mapping[str, list[str]], viewer: Viewer
    ) -> None:
        """Raises RequestRefused for a search or a clicked order that looks into such a column."""
        if not self.columns:
            return
        request = request_of(viewer, query)
        searched = any(query.get(SEARCH_VAR, ()))
        if searched and self.is_searched(model_admin.get_search_fields(request)):
            raise RequestRefused(
                _("The search looks into a column that you may not have: filter instead.")
            )
        self._check_clicked(model_admin, model_admin.get_list_display(request), query)

    def is_searched(self, search_fields: Iterable[str]) -> bool:
        return any(self.covers(field.lstrip("^=@")) for field in search_fields)

    def _check_clicked(
        self, model_admin: ModelAdmin[Any], listed: Any, query: Mapping[str, list[str]]
    ) -> None:
        """The list's own headings, by number: "o=-2.1"."""
        for clicked in query.get(ORDER_VAR, [""])[-1].split("."):
            number = clicked.removeprefix("-")
            if not number.isdigit() or not 0 < int(number) <= len(listed):
                continue
            entry = listed[int(number) - 1]
            attribute = entry if callable(entry) else getattr(model_admin, entry, None)
            order = getattr(attribute, "admin_order_field", entry)
            if self.covers_any(entry if isinstance(entry, str) else None) or self.covers_any(order):
                raise RequestRefused(
                    _(
                        "The list cannot be ordered by its column {number}: you may not have it."
                    ).format(number=number)
                )


def _field(model: type[Model], key: Any) -> Any:
    """The field that a column shows; the key of a related object is the relation to it."""
    found = steps(model, key) if isinstance(key, str) else ()
    if len(found) > 1 and getattr(found[-2], "target_field", None) is found[-1]:
        return found[-2]
    return found[-1] if found else None
