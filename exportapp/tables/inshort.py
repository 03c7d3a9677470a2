"""The parameters of a list's address, told by the fields that they name, without any query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import BooleanField
from django.db.models.constants import LOOKUP_SEP
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exportapp.tables.changelist import NOT_FILTERS
from exportapp.tables.paths import steps
from exportapp.tables.selection import PAGING
from exportapp.tables.titles import title_of_name

IS: Final = gettext_lazy("%(title)s is %(value)s")
NAMED: Final = gettext_lazy("%(title)s: %(value)s")

LOOKUPS: Final[dict[str, Any]] = {
    "exact": IS,
    "iexact": IS,
    "in": IS,
    "gt": gettext_lazy("%(title)s above %(value)s"),
    "gte": gettext_lazy("%(title)s from %(value)s"),
    "lt": gettext_lazy("%(title)s below %(value)s"),
    "lte": gettext_lazy("%(title)s up to %(value)s"),
    "contains": gettext_lazy("%(title)s contains “%(value)s”"),
    "icontains": gettext_lazy("%(title)s contains “%(value)s”"),
    "startswith": gettext_lazy("%(title)s begins with “%(value)s”"),
    "istartswith": gettext_lazy("%(title)s begins with “%(value)s”"),
}
"""How a field and a value go together, by the lookup's name; others are only named."""

EMPTY: Final = {
    True: gettext_lazy("%(title)s is empty"),
    False: gettext_lazy("%(title)s is not empty"),
}


def words_in_short(
    model_admin: ModelAdmin[Any], query: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """ "status is Paid", "search “lamp”": for a list of many exports, without a query.

    A related object is told by its key, and a filter of the sidebar by its field.
    """
    named = Named(model_admin)
    for name, values in query.items():
        if not any(values) or name in PAGING:
            continue
        if name == SEARCH_VAR:
            yield _("search “%(text)s”") % {"text": values[-1]}
        elif name not in NOT_FILTERS:
            yield named.parameter(name, values)


@dataclass(frozen=True, slots=True)
class Named:
    """The parameters of the list of one ModelAdmin."""

    model_admin: ModelAdmin[Any]

    def parameter(self, name: str, values: Sequence[str]) -> str:
        path, lookup = self._split(name)
        title = self.title(path)
        several = values[-1].split(",") if lookup == "in" else values
        value = get_text_list(self._shown(path, several), _("or"))
        if lookup == "isnull":
            return str(EMPTY[values[-1].lower() in ("1", "true")] % {"title": title})
        return str(LOOKUPS.get(lookup, NAMED) % {"title": title, "value": value})

    def _split(self, name: str) -> tuple[str, str]:
        """The path of a parameter and its lookup."""
        pieces = name.split(LOOKUP_SEP)
        found = len(steps(self.model_admin.model, name))
        lookup = LOOKUP_SEP.join(pieces[found:])
        return LOOKUP_SEP.join(pieces[:found]) or name, lookup or "exact"

    def _shown(self, path: str, values: Sequence[str]) -> list[str]:
        target = (steps(self.model_admin.model, path) or (None,))[-1]
        labels = {str(code): str(text) for code, text in getattr(target, "flatchoices", ())}
        if isinstance(target, BooleanField) and not labels:
            labels = {"1": _("yes"), "0": _("no"), "True": _("yes"), "False": _("no")}
        return [labels.get(value, value) for value in values]

    def title(self, name: Any) -> str:
        """As in the middle of a sentence: a field's name as it was declared."""
        found = steps(self.model_admin.model, name) if isinstance(name, str) else ()
        if len(found) == 1 and hasattr(found[0], "verbose_name"):
            return str(found[0].verbose_name)
        return title_of_name(name, self.model_admin.model, self.model_admin)
