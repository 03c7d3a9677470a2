"""What somebody asked to export, as plain data, and for whom.

A job stores a `Selection`, never a queryset, SQL or a pickle: the worker rebuilds the queryset
from code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Self

from django.conf import settings
from django.contrib.admin.options import IS_FACETS_VAR
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, PAGE_VAR
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone, translation

from exportapp.exceptions import RequestRefused

PAGING = frozenset({PAGE_VAR, ALL_VAR, ERROR_FLAG, IS_FACETS_VAR})
"""Parameters of the list page that say how it is shown, not which rows it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    source: str
    """The model's label, "shop.Order", or the name of a registered export."""
    site: str = "admin"
    """The name of the AdminSite whose ModelAdmin gives filters, search and columns."""
    query: Mapping[str, list[str]] = field(default_factory=dict)
    """The list page's own parameters: filters, "q" for the search, "o" for the clicked order."""
    order: tuple[str, ...] = ()
    """Names, "-" before descending ones; replaces the list's order."""
    keys: tuple[str, ...] | None = None
    """Primary keys of the ticked rows as text; None takes every row of the list."""
    columns: tuple[str, ...] | None = None
    """Column names in their order, "lines.sku" of an export with sheets; None takes all its own."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of a registered export, by name: JSON."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What this person calls columns, by name; the others keep their own titles."""
    codes: bool = False
    """Choices as their code instead of their label."""

    def to_json(self) -> dict[str, Any]:
        data = {
            "source": self.source,
            "site": self.site,
            "query": {name: list(values) for name, values in sorted(self.query.items())},
            "order": list(self.order),
            "keys": None if self.keys is None else list(self.keys),
            "columns": None if self.columns is None else list(self.columns),
        }
        # Workers of the version before know no such members, and need none of them for a list.
        more = {
            "parameters": dict(self.parameters),
            "titles": dict(sorted(self.titles.items())),
            "codes": self.codes,
        }
        return data | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises RequestRefused for unknown or missing members."""
        unknown = data.keys() - {member.name for member in fields(cls)}
        if unknown or "source" not in data:
            named = ", ".join(sorted(unknown)) or "no source"
            raise RequestRefused(f"This is not a selection: {named}.")
        lists = {
            name: None if data[name] is None else tuple(map(str, data[name]))
            for name in ("order", "keys", "columns")
            if name in data
        }
        query = {
            str(key): [str(value) for value in values]
            for key, values in data.get("query", {}).items()
        }
        titles = {str(name): str(title) for name, title in data.get("titles", {}).items()}
        rest = {"query": query, "titles": titles, "codes": bool(data.get("codes", False))}
        return cls(**{**data, **lists, **rest})

    @property
    def canonical(self) -> str:
        """JSON text that is equal for equal requests, to make a fingerprint of.

        Ticked rows are a set, and the page a person happened to be on changes nothing.
        """
        data = self.to_json()
        data["source"] = self.source.lower()
        data["query"] = {key: v for key, v in data["query"].items() if key not in PAGING and any(v)}
        data["keys"] = None if self.keys is None else sorted(set(self.keys))
        return json.dumps(data, sort_keys=True, separators=(",", ":"))


class Operator(AnonymousUser):
    """Whoever runs the command line: may do everything, and is no row of the user table."""

    is_active = True  # type: ignore[assignment]
    is_staff = True  # type: ignore[assignment]
    is_superuser = True  # type: ignore[assignment]

    def __str__(self) -> str:
        return "operator"

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return True

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return True

    def has_module_perms(self, module: str) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose eyes the rows are seen with."""

    user: Any
    """A user of the project, or `Operator()`."""
    language: str
    """For titles, labels of choices and texts of objects: "de"."""
    time_zone: str
    """For filters by date and for times without a zone: "Europe/Berlin"."""

    @classmethod
    def now(cls, user: Any) -> Self:
        """`user` with the language and time zone that are active here."""
        return cls(
            user=user,
            language=translation.get_language() or settings.LANGUAGE_CODE,
            time_zone=timezone.get_current_timezone_name(),
        )

    @contextmanager
    def active(self) -> Iterator[None]:
        """The viewer's language and time zone.

        Querysets are lazy: whoever evaluates one has to do so in here.
        """
        with translation.override(self.language), timezone.override(self.time_zone):
            yield
