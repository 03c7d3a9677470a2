"""Columns of joined texts: "oil, oak" for a path to many rows.

One query a batch gives the objects of all its rows, at most `limit` + 1 a row: the database counts
them off, so one row with a million objects is as cheap as one with a hundred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import F, Model, QuerySet, Window
from django.db.models.constants import LOOKUP_SEP
from django.db.models.functions import DenseRank
from django.utils import timezone
from django.utils.hashable import make_hashable
from django.utils.translation import ngettext

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.calls import Raised, Shortened
from exportapp.tables.columns import (
    ChoiceLabel,
    Column,
    ColumnSpec,
    FieldValue,
    JoinedTexts,
    RelatedText,
)
from exportapp.tables.fields import field_spec
from exportapp.tables.paths import follow, relation_to_many, steps
from exportapp.tables.related import RelatedTexts
from exportapp.tables.text import to_text
from exportapp.xlsx import MAX_CELL_UNITS, Kind

MORE: Final = "…"
"""The last item of a cell that shows only the first ones."""

PLACE: Final = "_export_place"


def joined_spec(
    model: type[Model], path: str, column: Column, title: str, *, codes: bool = False
) -> ColumnSpec:
    """The column that joins the texts at the end of `path`.

    Raises RequestRefused for a path to one row, a limit below 1 and an order that is no field,
    and UnknownName for what the related model does not have.
    """
    relation = relation_to_many(model, path)
    if relation is None:
        raise RequestRefused(
            f"'{path}' leads to one value: leave out join, or name a relation to many rows."
        )
    if column.limit < 1:
        raise RequestRefused(f"Column '{path}' joins at least 1 item, not {column.limit}.")
    if column.kind not in (None, Kind.TEXT):
        raise RequestRefused(f"Column '{path}' joins texts: its kind is text, not {column.kind}.")
    related = steps(model, relation)[-1].related_model
    for name in column.order:
        _require_field(related, name.removeprefix("-"), "order")
    rest = path[len(relation) + len(LOOKUP_SEP) :]
    # Rows that share an artist share its works: they are fetched for the artist, and once.
    first = _steps_to_one(model, relation)
    pieces = relation.split(LOOKUP_SEP)
    owner = steps(model, relation)[first - 1].related_model if first else model
    relation = LOOKUP_SEP.join(pieces[first:])
    getter = JoinedTexts(
        key_path=LOOKUP_SEP.join([*pieces[:first], "pk"]),
        model=owner,
        relation=relation,
        related_model=related,
        item=_item(relation, related, rest, column, codes),
        separator=str(column.join),
        limit=column.limit,
        order=_order(related, column.order),
    )
    return ColumnSpec(key=path, title=title, kind=Kind.TEXT, getter=getter)


def _steps_to_one(model: type[Model], relation: str) -> int:
    """How many steps lead to one object, before the first that leads to many."""
    return next(
        index
        for index, step in enumerate(steps(model, relation))
        if step.one_to_many or step.many_to_many
    )


def _item(
    relation: str, related: type[Model], rest: str, column: Column, codes: bool
) -> FieldValue | ChoiceLabel | RelatedText:
    if not rest:
        key = related._meta.pk
        if len(related._meta.pk_fields) > 1:
            raise RequestRefused(f"'{relation}' has a composite key: name one of its fields.")
        return RelatedText(relation, f"{relation}{LOOKUP_SEP}pk", related, key.attname)
    target = _require_field(related, rest, "column")
    path = f"{relation}{LOOKUP_SEP}{rest}"
    getter = field_spec(path, target, "", label=column.label, codes=codes).getter
    assert isinstance(getter, FieldValue | ChoiceLabel | RelatedText)
    return getter


def _require_field(related: type[Model], path: str, what: str) -> Any:
    try:
        found = follow(related, path)
    except FieldDoesNotExist:
        found = None
    if found is None or found.transforms:
        valid = [field.name for field in related._meta.concrete_fields]
        raise UnknownName(what, path, valid)
    return found.target


def _order(related: type[Model], declared: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the related model, its key last; an order of expressions gives way to the key."""
    own = declared or [item for item in related._meta.ordering or () if isinstance(item, str)]
    return (*own, *(field.attname for field in related._meta.pk_fields))


class JoinedReader:
    """The joined texts of one column, for one batch of rows after the other."""

    def __init__(self, getter: JoinedTexts, database: str) -> None:
        self._getter = getter
        self._database = database
        self._owner = [field.attname for field in getter.model._meta.pk_fields]
        self._texts = _texts_of(getter.item, database)

    def of(self, keys: Sequence[Any]) -> list[Any]:
        """By the keys at `key_path`: text, `Shortened`, `Raised`, or None without any object."""
        found: dict[Any, dict[int, Any]] = defaultdict(dict)
        for *owner, place, value in self._fetch([*dict.fromkeys(keys)]):
            # A through table may lead to the same object twice: it has the same place then.
            found[tuple(owner) if len(owner) > 1 else owner[0]][place] = value
        texts = iter(self._texts([value for row in found.values() for value in row.values()]))
        joined = {
            owner: self._joined(list(islice(texts, len(row)))) for owner, row in found.items()
        }
        return [joined.get(key) for key in keys]

    def _fetch(self, keys: list[Any]) -> Iterator[tuple[Any, ...]]:
        # As in_bulk() does: databases differ in how many parameters a query may have.
        operations = connections[self._database].ops
        fields = self._getter.model._meta.pk_fields
        keys = [key for key in keys if key is not None]
        size = operations.bulk_batch_size(fields, keys) or len(keys) or 1
        for start in range(0, len(keys), size):
            yield from self._rows(keys[start : start + size])

    def _rows(self, keys: list[Any]) -> QuerySet[Any, Any]:
        getter = self._getter
        place = Window(
            DenseRank(),
            partition_by=[F(name) for name in self._owner],
            order_by=[_under(getter.relation, name) for name in getter.order],
        )
        manager = getter.model._base_manager.using(self._database)
        rows = manager.filter(pk__in=keys, **{f"{getter.relation}__isnull": False})
        path = getter.item.key_path if isinstance(getter.item, RelatedText) else getter.item.path
        return (  # type: ignore[no-any-return]
            rows.annotate(**{PLACE: place})
            .filter(**{f"{PLACE}__lte": getter.limit + 1})
            .order_by(*self._owner, PLACE)
            .values_list(*self._owner, PLACE, path)
        )

    def _joined(self, texts: list[Any]) -> Any:
        if raised := next((text for text in texts if isinstance(text, Raised)), None):
            return raised
        named = [text for text in texts[: self._getter.limit] if text]
        shown = _fitting(named, self._getter)
        if len(shown) == len(named) and len(texts) <= self._getter.limit:
            return self._getter.separator.join(shown) or None
        return Shortened(
            self._getter.separator.join([*shown, MORE]),
            ngettext(
                "It has more than the {count} item that is shown.",
                "It has more than the {count} items that are shown.",
                len(shown),
            ).format(count=len(shown)),
        )


def _fitting(texts: list[str], getter: JoinedTexts) -> list[str]:
    """As many as a cell holds; one that is too long by itself stays, to be cut like any text."""
    # Four units for the mark are more than it takes with most separators.
    units, between = len(getter.separator) + 4, len(getter.separator)
    for index, text in enumerate(texts):
        units += between + len(text.encode("utf-16-le")) // 2
        if units > MAX_CELL_UNITS:
            return texts[: max(index, 1)]
    return texts


def _under(relation: str, name: str) -> str:
    sign = "-" if name.startswith("-") else ""
    return f"{sign}{relation}{LOOKUP_SEP}{name.removeprefix('-')}"


def _texts_of(
    item: FieldValue | ChoiceLabel | RelatedText, database: str
) -> Callable[[Sequence[Any]], list[Any]]:
    if isinstance(item, RelatedText):
        return RelatedTexts(item, database).of
    return _Texts(item).of


@dataclass(frozen=True, slots=True)
class _Texts:
    item: FieldValue | ChoiceLabel

    def of(self, values: Sequence[Any]) -> list[Any]:
        return [self._text(value) for value in values]

    def _text(self, value: Any) -> str | None:
        if isinstance(self.item, ChoiceLabel):
            return to_text(self.item.labels.get(make_hashable(value), value))
        if isinstance(value, datetime) and timezone.is_aware(value):
            value = timezone.make_naive(value)
        encode = self.item.encode
        return to_text(value) if encode is None else encode(value)
