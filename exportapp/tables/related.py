"""str() of related objects for whole batches: one query a batch instead of one a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from exportapp.tables.calls import Raised, guarded
from exportapp.tables.columns import RelatedText

MAX_REMEMBERED: Final = 100_000
"""Objects whose text is kept between batches; then memory stays flat."""


class RelatedTexts:
    """The texts behind one relation."""

    def __init__(self, getter: RelatedText, database: str) -> None:
        self._getter = getter
        self._database = database
        self._texts: dict[Any, str | Raised] = {}

    def of(self, keys: Sequence[Any]) -> list[Any]:
        """Text or `Raised` by key; a key that leads nowhere stands for itself, None stays None."""
        wanted = set(keys) - {None}
        if len(self._texts) + len(wanted) > MAX_REMEMBERED:
            self._texts.clear()
        self._fetch(wanted - self._texts.keys())
        texts = self._texts
        return [texts.get(key) for key in keys]

    def _fetch(self, missing: set[Any]) -> None:
        if not missing:
            return
        manager = self._getter.model._base_manager.using(self._database)
        found = manager.in_bulk(missing, field_name=self._getter.target)
        for key in missing:
            self._texts[key] = guarded(str, found[key]) if key in found else str(key)
