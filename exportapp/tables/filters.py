"""Which filters a person may use: those of the list page itself, and fields that they may see.

A filter answers yes or no about a value as often as it is asked, so whoever may not see a field
may not filter by it, by whatever path. Django's own list page takes any field of the model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.admin import ModelAdmin
from django.db.models.constants import LOOKUP_SEP

from exportapp.exceptions import UnknownName
from exportapp.tables.bounds import EXPRESSIONS
from exportapp.tables.changelist import request_of
from exportapp.tables.offered import Offered
from exportapp.tables.paths import steps
from exportapp.tables.readable import may_ask
from exportapp.tables.selection import Operator, Viewer
from exportapp.tables.withheld import Withheld


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one list for one person."""

    model_admin: ModelAdmin[Any]
    viewer: Viewer
    columns: Collection[str]
    """Names of columns that this person may have, fields or not."""
    withheld: Withheld

    @classmethod
    def of(cls, model_admin: ModelAdmin[Any], viewer: Viewer) -> Self:
        offered = Offered(model_admin, viewer)
        return cls(model_admin, viewer, frozenset(offered.names()), offered.withheld)

    @property
    def names(self) -> list[str]:
        """Fields that may be filtered by, and the parameters of the list's own filters."""
        fields = [field.name for field in self.model_admin.model._meta.concrete_fields]
        known = [*filter(self._may_ask, fields), *self._of_list()]
        return list(dict.fromkeys(name for name in known if not self.withheld.covers(name)))

    @property
    def may_search(self) -> bool:
        """Whether there is anything that a search would look into."""
        fields = self.model_admin.get_search_fields(request_of(self.viewer, {}))
        return bool(fields) and not self.withheld.is_searched(fields)

    def check(self, query: Mapping[str, list[str]]) -> None:
        """Raises UnknownName or RequestRefused for what asks about a column that is withheld."""
        for name in self.withheld.filters_among(query):
            raise UnknownName("filter", name, self.names)
        self.withheld.check_query(self.model_admin, query, self.viewer)

    def require(self, name: str) -> None:
        """`name` is a filter that none of the list's own took.

        Raises UnknownName for what this person may not ask about.
        """
        if not self.takes(name):
            raise UnknownName("filter", name, self.names)

    def takes(self, name: str) -> bool:
        """Whether this person may ask about what `name` says."""
        return isinstance(self.viewer.user, Operator) or self._may_ask(name)

    def operators(self, name: str) -> list[str]:
        """What may stand behind the field that `name` begins with."""
        found = steps(self.model_admin.model, name)
        return sorted(set(found[-1].get_lookups()) - EXPRESSIONS) if found else []

    def _may_ask(self, name: str) -> bool:
        found = steps(self.model_admin.model, name)
        if not found:
            # An annotation of the ModelAdmin's queryset.
            return name.partition(LOOKUP_SEP)[0] in self.columns
        names = [step.name for step in found]
        paths = {LOOKUP_SEP.join(names)}
        if getattr(found[-1], "primary_key", False):
            # The key of a related object says no more than the relation.
            paths.add(LOOKUP_SEP.join(names[:-1]))
        shown = {*self.columns, *self._of_list()}
        return bool(paths & shown) or may_ask(self.model_admin, found, self.viewer)

    def _of_list(self) -> list[str]:
        """What the developer put beside the list: paths, and parameters of filters."""
        entries = self.model_admin.get_list_filter(request_of(self.viewer, {}))
        plain = [entry[0] if isinstance(entry, list | tuple) else entry for entry in entries]
        names = [e if isinstance(e, str) else getattr(e, "parameter_name", None) for e in plain]
        return [name for name in [*names, self.model_admin.date_hierarchy] if name]
