"""What a person may ask of a source: its columns, orders, filters and parameters.

Everything here is what `Source` and `ExportSource` would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.forms import Field

from exportapp.exceptions import RequestRefused
from exportapp.tables.changelist import change_list
from exportapp.tables.filters import Filters
from exportapp.tables.registered import ExportSource
from exportapp.tables.selection import Viewer
from exportapp.tables.sources import AnySource, Source


@dataclass(frozen=True, slots=True)
class OfferedColumn:
    name: str
    title: str
    kind: str | None
    """As the cells are: "text", "integer", "date", …; None where only the rows could say."""
    default: bool
    """Whether it is there when nobody names columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    columns: list[OfferedColumn]
    order: list[str]
    filters: list[str] = field(default_factory=list)
    """Fields, to which operators may be added, and parameters of the list's own filters."""
    search: bool = False
    """Whether there is anything that a search would look into."""
    parameters: Mapping[str, Field] = field(default_factory=dict)


def offer_of(source: AnySource, viewer: Viewer) -> Offer:
    """What `viewer` may ask of `source`, with titles in their language."""
    with viewer.active():
        if isinstance(source, ExportSource):
            return _of_export(source, viewer)
        return _of_list(source, viewer)


def _of_list(source: Source, viewer: Viewer) -> Offer:
    own = source.own_columns(viewer)
    columns = []
    for name in source.available_columns(viewer):
        try:
            (spec,) = source.columns([name], viewer)
        except RequestRefused:
            # A field of the page that no cell can hold.
            continue
        columns.append(OfferedColumn(name, spec.title, spec.kind.value, name in own))
    filters = Filters.of(source.model_admin, viewer)
    listed = change_list(filters, {})
    names = (column.name for column in columns)
    return Offer(
        columns=columns,
        order=[name for name in names if _takes_order(source, name, listed, viewer)],
        filters=filters.names,
        search=filters.may_search,
    )


def _takes_order(source: Source, name: str, listed: Any, viewer: Viewer) -> bool:
    try:
        source.order_item(name, listed, viewer)
    except RequestRefused:
        return False
    return True


def _of_export(source: ExportSource, viewer: Viewer) -> Offer:
    columns = [
        OfferedColumn(name, title, kind and kind.value, default=True)
        for name, title, kind in source.described(viewer)
    ]
    return Offer(
        columns=columns,
        order=list(source.sortable(viewer)),
        parameters=source.fields(viewer),
    )
