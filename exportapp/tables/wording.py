"""What narrows and orders the rows of a list, in the words of the list itself.

Filters are called and answered as the list's own sidebar does it; what stands in the address
without a filter of the sidebar is told by its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Final

from django import forms
from django.contrib.admin import DateFieldListFilter, ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.forms.utils import pretty_name
from django.utils.choices import flatten_choices
from django.utils.formats import date_format, localize
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from exportapp.tables.changelist import NOT_FILTERS, change_list
from exportapp.tables.filters import Filters
from exportapp.tables.inshort import IS, NAMED, Named
from exportapp.tables.kinds import field_kind
from exportapp.tables.params import Fields
from exportapp.tables.paths import ToManyPath, follow
from exportapp.tables.selection import PAGING, Selection, Viewer
from exportapp.xlsx import Kind

MOMENTS: Final = (
    gettext_lazy("by %(title)s, oldest first"),
    gettext_lazy("by %(title)s, newest first"),
)
NUMBERS: Final = (
    gettext_lazy("by %(title)s, smallest first"),
    gettext_lazy("by %(title)s, largest first"),
)
OTHERS: Final = (gettext_lazy("by %(title)s, A to Z"), gettext_lazy("by %(title)s, Z to A"))
ORDERS: Final = {
    Kind.DATE: MOMENTS,
    Kind.DATETIME: MOMENTS,
    Kind.INTEGER: NUMBERS,
    Kind.DECIMAL: NUMBERS,
    Kind.FLOAT: NUMBERS,
    Kind.DURATION: NUMBERS,
}
"""Ascending and descending, by the kind of what is ordered by."""

AGE: Final = (pgettext_lazy("rows", "oldest first"), pgettext_lazy("rows", "newest first"))
"""The same of the date by which the model's rows are told apart."""


def list_words(
    model_admin: ModelAdmin[Any], selection: Selection, viewer: Viewer
) -> tuple[str, ...]:
    """ "status is Paid", "search “lamp”", "newest first": none for the whole list in its own order.

    Raises as the list does for a query that it does not take.
    """
    query = {name: v for name, v in selection.query.items() if name not in PAGING and any(v)}
    with viewer.active():
        listed = change_list(Filters.of(model_admin, viewer), query)
        words = _Words(model_admin, listed, query)
        order = words.named(selection.order) if selection.order else words.clicked()
        return tuple(str(word) for word in (*words.filters(), *words.search(), *order))


def parameter_words(fields: Fields, values: Mapping[str, Any]) -> Iterator[str]:
    """ "Since: 31 Jan 2026", "States: New or Paid", of cleaned values; nothing for empty ones."""
    for name, value in values.items():
        if value in fields[name].empty_values or value is False:
            continue
        shown = get_text_list(list(_shown_values(fields[name], value)), _("or"))
        yield str(NAMED % {"title": fields[name].label or pretty_name(name), "value": shown})


def order_words(titles: Mapping[str, str], order: Sequence[str]) -> Iterator[str]:
    """Of columns by name, where only their titles are known."""
    for name in order:
        words = _("by %(title)s, descending") if name.startswith("-") else _("by %(title)s")
        yield words % {"title": titles[name.removeprefix("-")]}


def _shown_values(field: forms.Field, value: Any) -> Iterator[str]:
    # The choices of a model are all of its rows.
    few = () if isinstance(field, forms.ModelChoiceField) else getattr(field, "choices", ())
    pairs: Any = flatten_choices(few)
    labels = {str(code): str(label) for code, label in pairs}
    for one in value if isinstance(value, list | tuple | QuerySet) else [value]:
        if one is True:
            yield _("yes")
        else:
            yield labels.get(str(one)) or str(localize(one))


class _Words:
    def __init__(
        self, model_admin: ModelAdmin[Any], listed: ChangeList, query: Mapping[str, list[str]]
    ) -> None:
        self._model_admin = model_admin
        self._model = model_admin.model
        self._named = Named(model_admin)
        self._listed = listed
        self._query = query

    def filters(self) -> Iterator[str]:
        told: set[str] = set()
        for spec in self._listed.filter_specs:
            chosen = self._chosen(spec)
            if chosen:
                told.update(spec.used_parameters)
                form = NAMED if isinstance(spec, DateFieldListFilter) else IS
                yield form % {"title": spec.title, "value": get_text_list(chosen, _("or"))}
        for words in self._hierarchy():
            told.update(self._hierarchy_names())
            yield words
        for name, values in self._query.items():
            if name not in told and name not in NOT_FILTERS:
                yield self._named.parameter(name, values)

    def search(self) -> Iterator[str]:
        for text in self._query.get(SEARCH_VAR, ())[-1:]:
            if self._listed.search_fields:
                yield _("search “%(text)s”") % {"text": text}

    def named(self, order: tuple[str, ...]) -> Iterator[str]:
        for name in order:
            plain = name.removeprefix("-")
            yield self._order(plain, plain, descending=name.startswith("-"))

    def clicked(self) -> Iterator[str]:
        """By the headings that were clicked, or that the list is ordered by without a click."""
        listed = self._listed.list_display
        for index, way in self._listed.get_ordering_field_columns().items():
            if 0 <= index < len(listed):
                path = self._listed.get_ordering_field(listed[index])
                yield self._order(listed[index], path, descending=way == "desc")

    def _chosen(self, spec: Any) -> list[str]:
        """What is chosen in a filter of the sidebar that narrows the list."""
        own_default = isinstance(spec, SimpleListFilter) and spec.value() is not None
        if not own_default and not any(self._query.get(name) for name in spec.used_parameters):
            return []
        chosen = [choice for choice in spec.choices(self._listed) if choice.get("selected")]
        # A filter with fields of its own has no such choices.
        return [str(choice["display"]) for choice in chosen if "display" in choice]

    def _hierarchy_names(self) -> list[str]:
        field = self._listed.date_hierarchy
        return [f"{field}__{part}" for part in ("year", "month", "day")] if field else []

    def _hierarchy(self) -> Iterator[str]:
        given = [self._query.get(name, [""])[-1] for name in self._hierarchy_names()]
        # Without a year its parts are filters like any other.
        if given and given[0]:
            year, month, number = (int(text or 1) for text in given)
            day = date(year, month, number)
            form = ("DATE_FORMAT", "YEAR_MONTH_FORMAT", "Y")[given.count("")]
            title = self._named.title(str(self._listed.date_hierarchy))
            yield NAMED % {"title": title, "value": date_format(day, form)}

    def _order(self, name: Any, path: Any, *, descending: bool) -> str:
        descending ^= isinstance(path, str) and path.startswith("-")
        plain = path.removeprefix("-") if isinstance(path, str) else ""
        if plain and plain in (self._listed.date_hierarchy, self._model._meta.get_latest_by):
            return str(AGE[descending])
        words = ORDERS.get(self._kind(plain), OTHERS) if plain else OTHERS
        return words[descending] % {"title": self._named.title(name)}

    def _kind(self, path: str) -> Kind:
        with suppress(FieldDoesNotExist, ToManyPath):
            target = follow(self._model, path).target
            # By a relation means by the order of the related model.
            return Kind.TEXT if target.is_relation else field_kind(target)
        return Kind.TEXT
