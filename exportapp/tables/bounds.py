"""How large a request may be: what nobody asks for by hand would cost everybody else their time.

They hold where a request comes in. What was asked for before is done as it was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.core.exceptions import EmptyResultSet, FieldError
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.tables.selection import Selection, Viewer

MOST_COLUMNS: Final = 1000
"""Columns that are named; those of the developer's own list are not counted."""

MOST_ORDER: Final = 32
"""Columns of an order. PostgreSQL's indexes have as many at most (INDEX_MAX_KEYS)."""

MOST_SEARCH: Final = 1000
"""Characters of a search: every word of it is a condition for each field that is searched."""

MOST_FILTERS: Final = 100
MOST_VALUES: Final = 1000
"""Values of one filter."""

MOST_TEXT: Final = 10_000
"""Characters of one value of a filter, such as the list of an `__in`."""

MOST_KEYS: Final = 100_000
"""Ticked rows; a list page has far fewer."""

MOST_NAME: Final = 500
"""Characters of a name or a key."""

MOST_STEPS: Final = 12
"""Steps of a lookup path: each may be a join."""

EXPRESSIONS: Final = frozenset({"regex", "iregex"})
"""Lookups whose cost grows without bound with a value of a few characters."""

MALFORMED: Final = (ArithmeticError, FieldError, LookupError, TypeError, ValueError)
"""What Django raises for a value that makes no SQL, such as a range with one end."""


def require_bounded(selection: Selection) -> None:
    """Raises RequestRefused for what is too long, too costly or no text."""
    columns, keys = selection.columns or (), selection.keys or ()
    for text in (selection.source, selection.site, *selection.order, *columns, *keys):
        _require_text(text)
    longest = max(map(len, keys), default=0)
    for told, count, most in (
        (
            _("Too many columns are named: {count}. Valid: up to {most}."),
            len(columns),
            MOST_COLUMNS,
        ),
        (_("Too many rows are ticked: {count}. Valid: up to {most}."), len(keys), MOST_KEYS),
        (_("A key is too long: {count} characters. Valid: up to {most}."), longest, MOST_NAME),
    ):
        if count > most:
            raise RequestRefused(told.format(count=count, most=most))
    _require_order(len(selection.order))
    for name in (*selection.order, *columns):
        _require_name(name)
    require_query(selection.query)


def require_query(query: Mapping[str, Sequence[str]]) -> None:
    """The same for the parameters of a list page."""
    if len(query) > MOST_FILTERS:
        told = _("Too many filters: {count}. Valid: up to {most}.")
        raise RequestRefused(told.format(count=len(query), most=MOST_FILTERS))
    _require_order(query.get(ORDER_VAR, [""])[-1].count(".") + 1)
    for name, values in query.items():
        _require_text(name)
        for text in values:
            _require_text(text, name)
        _require_name(name)
        _require_values(name, values)


def require_sql(sheets: Iterable[QuerySet[Any]], viewer: Viewer) -> None:
    """Raises RequestRefused for filters of which no statement can be made. Asks no database."""
    with viewer.active():
        for rows in sheets:
            try:
                rows.query.get_compiler(rows.db).as_sql()
            except EmptyResultSet:
                continue
            except MALFORMED as error:
                told = _("No query can be made of these filters: {reason}.")
                reason = str(error) or type(error).__name__
                raise RequestRefused(told.format(reason=reason)) from error


def _require_order(count: int) -> None:
    if count > MOST_ORDER:
        told = _("Too many columns to order by: {count}. Valid: up to {most}.")
        raise RequestRefused(told.format(count=count, most=MOST_ORDER))


def _require_text(text: str, name: str = "") -> None:
    """No database keeps a NUL or half of a surrogate pair; `name` is the filter's."""
    if "\0" in text or not _encodes(text):
        told = _("{text} is no text: it holds a NUL or half of a surrogate pair.")
        if name:
            told = _("{text} of '{name}' is no text: it holds a NUL or half of a surrogate pair.")
        raise RequestRefused(told.format(text=ascii(text[:100]), name=name))


def _require_name(name: str) -> None:
    steps = name.split(LOOKUP_SEP)
    if len(name) > MOST_NAME or len(steps) > MOST_STEPS:
        told = _("'{name}…' is too long for a name. Valid: {length} characters, {steps} steps.")
        shown = told.format(name=name[:100], length=MOST_NAME, steps=MOST_STEPS)
        raise RequestRefused(shown)
    if len(steps) > 1 and EXPRESSIONS.intersection(steps):
        told = _("The filter '{name}' is not allowed: exports take no regular expressions.")
        raise RequestRefused(told.format(name=name))


def _require_values(name: str, values: Sequence[str]) -> None:
    most = MOST_SEARCH if name == SEARCH_VAR else MOST_TEXT
    longest = max(map(len, values), default=0)
    if len(values) > MOST_VALUES:
        told = _("The filter '{name}' has too many values: {count}. Valid: up to {most}.")
        raise RequestRefused(told.format(name=name, count=len(values), most=MOST_VALUES))
    if longest > most:
        told = _("A value of '{name}' is too long: {count} characters. Valid: up to {most}.")
        raise RequestRefused(told.format(name=name, count=longest, most=most))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
