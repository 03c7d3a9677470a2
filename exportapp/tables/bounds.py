"""How much one request may ask for: beyond this nobody means it, and a database would suffer."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.views.main import SEARCH_VAR
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.tables.selection import Operator, Selection

MOST: Final = {
    "columns": 1000,
    "order": 20,
    "keys": 10_000,
    "filters": 50,
    "values": 1000,
    "text": 1000,
    "search": 500,
    "words": 32,
}
"""Names, keys and filters in all; values of one filter; characters of a value and of a search, and
its words, each of which is looked for in every field that is searched."""


def require_bounds(selection: Selection, user: Any) -> None:
    """Raises RequestRefused, naming what is too much; an operator may ask for anything."""
    if isinstance(user, Operator):
        return
    filters = {name: values for name, values in selection.query.items() if name != SEARCH_VAR}
    for name in ("columns", "order", "keys"):
        _require(name, name, len(getattr(selection, name) or ()))
    _require("filters", "filters", len(filters))
    for name, values in filters.items():
        given = [one for text in values for one in text.split(",")]
        _require("values", name, len(given))
        _require("text", name, max(map(len, given), default=0))
    for search in selection.query.get(SEARCH_VAR, ()):
        _require("search", "search", len(search))
        _require("words", "search", len(search.split()))


def _require(kind: str, name: str, given: int) -> None:
    if given <= MOST[kind]:
        return
    said = {
        "columns": _("The export names {given} columns; {most} is the most."),
        "order": _("The export is ordered by {given} names; {most} is the most."),
        "keys": _("The export names {given} rows by their keys; {most} is the most: use a filter."),
        "filters": _("The export has {given} filters; {most} is the most."),
        "values": _("The filter '{name}' has {given} values; {most} is the most."),
        "text": _("A value of the filter '{name}' has {given} characters; {most} is the most."),
        "search": _("The search has {given} characters; {most} is the most."),
        "words": _("The search has {given} words; {most} is the most."),
    }[kind]
    raise RequestRefused(said.format(name=name[:100], given=given, most=MOST[kind]))
