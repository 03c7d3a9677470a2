"""The rows that a list page hands to the asking page: its filters, and the ticks.

They travel in the address as long as that stays short, and in the form. Nothing is signed: rows
come through the person's own queryset and filters, whoever wrote the keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode

from exportapp.tables.selection import Selection

FILTERS: Final = "_changelist_filters"
"""The query string of the list, by the admin's own name for it."""

KEYS: Final = "keys"
"""The keys of the ticked rows, as a JSON list."""

TICKS: Final = "export_keys"
"""The same as the list page sends it: static/exportapp/ticks.js says why in one field."""

ADDRESS_LENGTH: Final = 1900
"""Characters. Ticks go there up to here; filters always, since the list had them there too."""


@dataclass(frozen=True, slots=True)
class Carried:
    filters: str | None = None
    """None where nobody came from a list; empty from one without filters."""
    keys: tuple[str, ...] | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """What this request has of it. Raises BadRequest for what no page of ours sends."""
        filters = request.POST.get(FILTERS, request.GET.get(FILTERS))
        if is_arrival(request):
            return cls(filters or "", ticked(request))
        keys = request.POST.get(KEYS, request.GET.get(KEYS))
        return cls(filters, None if keys is None else _parsed(KEYS, keys))

    @classmethod
    def from_list(cls, query: Mapping[str, list[str]], keys: tuple[str, ...] | None = None) -> Self:
        return cls(urlencode(query, doseq=True), keys)

    @property
    def query(self) -> dict[str, list[str]]:
        return dict(QueryDict(self.filters or "").lists())

    def over(self, selection: Selection) -> Selection:
        """The rows of the list, where somebody came from one, in place of those of a preset."""
        if self.filters is None and self.keys is None:
            return selection
        return replace(selection, query=self.query, keys=self.keys, order=())

    def fields(self) -> dict[str, str]:
        """The hidden fields of the form."""
        found = {FILTERS: self.filters, KEYS: None if self.keys is None else json.dumps(self.keys)}
        return {name: text for name, text in found.items() if text is not None}

    def address(self, page: str, **more: Any) -> str:
        """The page with all of it in its address."""
        query = urlencode(self.fields() | more)
        return f"{page}?{query}" if query else page


def is_short(address: str) -> bool:
    """Whether every server and browser takes it."""
    return len(address) <= ADDRESS_LENGTH


def is_arrival(request: HttpRequest) -> bool:
    """Whether a list page's own form was handed on as it is."""
    return ACTION_CHECKBOX_NAME in request.POST or TICKS in request.POST


def ticked(request: HttpRequest) -> tuple[str, ...]:
    """The keys of the ticked rows. Raises BadRequest for what no list page sends."""
    together = request.POST.get(TICKS)
    if together is None:
        return tuple(request.POST.getlist(ACTION_CHECKBOX_NAME))
    return _parsed(TICKS, together)


def _parsed(name: str, text: str) -> tuple[str, ...]:
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"'{name}' is no JSON.") from error
    if not isinstance(keys, list):
        raise BadRequest(f"'{name}' is no list.")
    return tuple(map(str, keys))
