"""Exports that a developer writes as a class: rows, columns, parameters and rights of their own.

Nothing is imported here that needs the models to be loaded: an app's `exports.py` begins with
`from exportapp import Export, register`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, TypeVar

from django import forms
from django.contrib.auth import get_permission_codename
from django.db.models import Model, QuerySet
from openpyxl import Workbook

Hook = TypeVar("Hook", bound=Callable[..., None])


def as_it_is(hook: Hook) -> Hook:
    """Mark a hook that does nothing: what is the same in every file need not be made for it."""
    hook.as_it_is = True  # type: ignore[attr-defined]
    return hook


class Sheet:
    """Rows of one model under their columns: one sheet of an export that has several.

    Nothing may be kept on it: it is made whenever it is needed.
    """

    name: str = ""
    """What requests call it, "lines": letters, digits, "-" and "_"."""
    title: Any = ""
    """For people, on the sheet; text, lazy or not. A sheet without one is called as its model."""
    model: type[Model]
    """What the queryset is of."""
    columns: Sequence[Any] = ()
    """As `export_columns`; a name may also be a method of this class that takes the instance."""

    def get_queryset(self, user: Any, params: Mapping[str, Any]) -> QuerySet[Any]:
        """The rows for `user`, in their order; `params` holds every parameter of the export, as
        its field cleaned it. Called again in each worker: equal parameters must mean equal rows."""
        return self.model._default_manager.all()


class Export(Sheet):
    """One registered export; a subclass says what it holds.

    It has one sheet, its own, unless it names several in `sheets`. It is made once, when it is
    registered, and shared by all threads: keep nothing on it.
    """

    sheets: Sequence[type[Sheet]] = ()
    """Instead of `model`, `columns` and get_queryset(), in their order in the workbook."""
    description: Any = ""
    parameters: Mapping[str, forms.Field] = {}
    """What a person says first: `label` is the title, `initial` the default, `help_text` the help.

    The choices of a ModelChoiceField are narrowed to what the person may see in the admin.
    """
    permission: str | None = None
    """Who may have it, "shop.export_order"; None takes the export permission of each model."""
    filename: str = "{name}"
    """The file's name without its ending; takes {name}, {date} and each parameter."""

    template: str | PathLike[str] | bytes | None = None
    """A workbook to begin with: where it is, or its bytes. See docs/workbook.md."""

    @as_it_is
    def workbook(self, workbook: Workbook) -> None:
        """Give the workbook its looks; it is an openpyxl Workbook without the data rows."""

    def has_permission(self, user: Any) -> bool:
        """Asked when the export is made, when it runs and when its file is downloaded."""
        return bool(user.has_perms(self.required_permissions))

    @property
    def required_permissions(self) -> tuple[str, ...]:
        if self.permission:
            return (self.permission,)
        return tuple(dict.fromkeys(export_permission(part.model) for part in self.parts))

    @property
    def parts(self) -> tuple[Sheet, ...]:
        """Its sheets; itself where it has no others."""
        return tuple(sheet() for sheet in self.sheets) or (self,)


def export_permission(model: type[Model]) -> str:
    """The permission to export rows of `model`, which migrate makes: "shop.export_order"."""
    opts = model._meta
    return f"{opts.app_label}.{get_permission_codename('export', opts)}"


_registered: list[Export] = []

ExportClass = TypeVar("ExportClass", bound=type[Export])


def register(export_class: ExportClass) -> ExportClass:
    """Class decorator: offer this export in every face. Checks say what is wrong with it."""
    _registered.append(export_class())
    return export_class


def registered() -> list[Export]:
    """In the order in which they were registered; of equal names too."""
    return list(_registered)
