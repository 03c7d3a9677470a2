"""Titles of columns: what a column is called by itself, and what a person calls it instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.contrib.admin.utils import label_for_field
from django.db.models.constants import LOOKUP_SEP
from django.forms.utils import pretty_name
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.columns import Column, ColumnSpec

TITLE_LENGTH: Final = 255
"""Characters that a heading in a table of Excel's has at most."""


def title_of_name(name: Any, model: Any, model_admin: Any) -> str:
    """What the admin's list calls the column, in the active language."""
    try:
        label = label_for_field(name, model, model_admin)
    except AttributeError:
        # The admin's list knows no annotations and no attributes of related objects.
        return capfirst(pretty_name(" ".join(name.split(LOOKUP_SEP))))
    # Two underscores of a path are two spaces in Django's label; a browser shows one.
    return capfirst(" ".join(str(label).split()))


def own_title(declared: Any, model: Any, model_admin: Any) -> str:
    """The title of a column as it was declared: its own, else the admin's."""
    column = declared if isinstance(declared, Column) else Column(declared)
    if column.title is not None:
        return str(column.title)
    return title_of_name(column.key, model, model_admin)


def check_titles(titles: Mapping[str, str]) -> None:
    """Raises RequestRefused for a text that cannot be a heading. Equal ones are allowed."""
    for name, title in titles.items():
        if not title.strip():
            raise RequestRefused(
                _("The title of the column '{name}' is empty: give 1 to {most} characters.").format(
                    name=name, most=TITLE_LENGTH
                )
            )
        if len(title) > TITLE_LENGTH:
            raise RequestRefused(
                _(
                    "The title '{title}…' of the column '{name}' has {count} characters. "
                    "Valid: 1 to {most}."
                ).format(title=title[:30], name=name, count=len(title), most=TITLE_LENGTH)
            )
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in title):
            raise RequestRefused(
                _("The title {title} of the column '{name}' has control characters.").format(
                    title=ascii(title), name=name
                )
            )


def renamed(specs: Iterable[ColumnSpec], titles: Mapping[str, str]) -> tuple[ColumnSpec, ...]:
    """The columns under the titles that a person gave them, by name.

    Raises UnknownName for a title of a column that is not among them, and what `check_titles`
    raises.
    """
    columns = tuple(specs)
    check_titles(titles)
    for name in titles:
        if name not in {spec.key for spec in columns}:
            raise UnknownName("column", name, [spec.key for spec in columns])
    return tuple(replace(spec, title=titles.get(spec.key, spec.title)) for spec in columns)
