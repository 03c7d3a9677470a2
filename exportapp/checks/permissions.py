"""Permissions that columns and exports name: a misspelt one would keep everybody out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from django.apps import apps
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage

from exportapp.checks.registered import exports_incomplete, sheets_unfit
from exportapp.checks.words import message, path_of
from exportapp.jobs.rights import models_with_permission
from exportapp.tables.columns import Column
from exportapp.tables.exports import export_permission, registered


def permissions_unknown() -> Iterator[CheckMessage]:
    # What an export without a model asks for cannot be told; it is said that it has none.
    if any(exports_incomplete()) or any(sheets_unfit()):
        return
    known = sorted(_of_models() | {export_permission(model) for model in models_with_permission()})
    for where, name in _named():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f" Did you mean '{close[0]}'?" if close else ""
            yield message("E017", where=where, name=name, guess=guess)


def _of_models() -> set[str]:
    """Those that migrate makes for each model, and those of its Meta.permissions."""
    found = set()
    for model in apps.get_models():
        opts = model._meta
        codenames = [get_permission_codename(action, opts) for action in opts.default_permissions]
        codenames += [codename for codename, _ in opts.permissions]
        found |= {f"{opts.app_label}.{codename}" for codename in codenames}
    return found


def _named() -> Iterator[tuple[str, str]]:
    """Who names a permission, and which."""
    for site in all_sites:
        for model_admin in site._registry.values():
            columns = getattr(model_admin, "export_columns", None)
            yield from _of_columns(model_admin, columns or ())
    for export in registered():
        if export.permission:
            yield path_of(export), export.permission
        for part in export.parts:
            yield from _of_columns(part, part.columns)


def _of_columns(owner: Any, columns: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for column in columns:
        if isinstance(column, Column) and isinstance(column.permission, str):
            yield f"The column {column.key!r} of {path_of(owner)}", column.permission
