"""Ranges of rows over (order columns, primary key): never OFFSET pages, never a non-unique key.

A range is `after < key <= upto`. Its two conditions are built from strict comparisons and IS NULL
only, made by the database itself, so that ties, NULLs, descending and mixed orders and every
collation fall on exactly one side of a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

from django.db import connections
from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleGreaterThanOrEqual,
    TupleLessThan,
    TupleLessThanOrEqual,
)
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.tables.keys import Bound
from exportapp.tables.ordering import KeyPart, key_parts

ROW_VALUES: Final[dict[str, Any]] = {
    "gt": TupleGreaterThan,
    "gte": TupleGreaterThanOrEqual,
    "lt": TupleLessThan,
    "lte": TupleLessThanOrEqual,
}


@dataclass(frozen=True, slots=True)
class Keyset:
    """A queryset whose order is total."""

    queryset: QuerySet[Any]
    parts: tuple[KeyPart, ...]

    @classmethod
    def of(cls, queryset: QuerySet[Any]) -> Self:
        """Raises RequestRefused for orders and querysets that have no key ranges."""
        parts = key_parts(queryset)
        new = {part.path: part.expression for part in parts if part.expression is not None}
        rows = queryset.alias(**new) if new else queryset
        # The parts have the direction in them already.
        rows = rows if rows.query.standard_ordering else rows.reverse()
        return cls(rows, parts)

    def ordered(self) -> QuerySet[Any]:
        return self.queryset.order_by(*(part.order_by() for part in self.parts))

    def between(self, after: Bound | None, upto: Bound | None) -> QuerySet[Any]:
        """The rows with `after < key <= upto` in order; None leaves a side open."""
        condition = Q()
        if after is not None:
            condition &= self._past(after)
        if upto is not None:
            condition &= self._until(upto)
        return self.ordered().filter(condition)

    def hop(self, after: Bound | None, rows: int) -> tuple[Bound, int] | None:
        """The key `rows` rows past `after`, or of the last row, and how many rows that covers.

        One statement that fetches one row; only where fewer than `rows` remain two more, which
        touch no more than those. None when nothing remains.
        """
        found = self._keys(self.between(after, None))[rows - 1 : rows].first()
        count = rows
        if found is None:
            found = self._keys(self.between(after, None).reverse()).first()
            if found is None:
                return None
            count = self.between(after, found)[:rows].count()
        if found == after:
            names = ", ".join(part.path for part in self.parts)
            raise RequestRefused(
                _(
                    "The database does not find values of ({names}) again that it gave "
                    "itself: order by other columns."
                ).format(names=names)
            )
        return found, count

    def _keys(self, queryset: QuerySet[Any]) -> QuerySet[Any, Bound]:
        new = {part.path: F(part.path) for part in self.parts if part.expression is not None}
        keys = queryset.annotate(**new) if new else queryset
        return keys.select_related(None).values_list(*(part.path for part in self.parts))

    def _past(self, bound: Bound) -> Q:
        first = self.parts[0]
        if self._is_uniform():
            return _row_value(_operator(smaller=first.descending), self.parts, bound)
        return _leading(first, bound[0], smaller=first.descending) & _any(
            _all_same(self.parts[:index], bound) & beyond
            for index, part in enumerate(self.parts)
            if (beyond := _on_side(part, bound[index], smaller=part.descending)) is not None
        )

    def _until(self, bound: Bound) -> Q:
        first = self.parts[0]
        if self._is_uniform():
            operator = _operator(smaller=not first.descending, inclusive=True)
            return _row_value(operator, self.parts, bound)
        before = _any(
            _all_same(self.parts[:index], bound) & before
            for index, part in enumerate(self.parts)
            if (before := _on_side(part, bound[index], smaller=not part.descending)) is not None
        )
        leading = _leading(first, bound[0], smaller=not first.descending)
        return leading & (before | _all_same(self.parts, bound))

    def _is_uniform(self) -> bool:
        """One comparison of row values does, which a database answers from one index."""
        features = connections[self.queryset.db].features
        one_way = len({part.descending for part in self.parts}) == 1
        nullable = any(part.nullable for part in self.parts)
        able = len(self.parts) == 1 or features.supports_tuple_lookups
        return able and one_way and not nullable


def _row_value(operator: str, parts: tuple[KeyPart, ...], bound: Bound) -> Q:
    if len(parts) == 1:
        return Q((f"{parts[0].path}__{operator}", bound[0]))
    return Q(ROW_VALUES[operator](Tuple(*(F(part.path) for part in parts)), bound))


def _operator(*, smaller: bool, inclusive: bool = False) -> str:
    return ("lt" if smaller else "gt") + ("e" if inclusive else "")


def _leading(part: KeyPart, value: Any, *, smaller: bool) -> Q:
    """Follows from the rest, but is one range, so that an index on the first column serves."""
    nulls = _has_nulls(part, smaller=smaller)
    null = Q((f"{part.path}__isnull", True))
    if value is None:
        return Q() if not nulls else null
    side = Q((f"{part.path}__{_operator(smaller=smaller, inclusive=True)}", value))
    return side | null if nulls and part.nullable else side


def _on_side(part: KeyPart, value: Any, *, smaller: bool) -> Q | None:
    """Rows strictly on one side of `value` by this part alone; None where there can be none."""
    nulls = _has_nulls(part, smaller=smaller)
    if value is None:
        return None if nulls else Q((f"{part.path}__isnull", False))
    side = Q((f"{part.path}__{_operator(smaller=smaller)}", value))
    return side | Q((f"{part.path}__isnull", True)) if nulls and part.nullable else side


def _has_nulls(part: KeyPart, *, smaller: bool) -> bool:
    """NULLs stand at the far end of this side."""
    forward = smaller == part.descending
    return part.nulls_first != forward


def _same(part: KeyPart, value: Any) -> Q:
    return Q((f"{part.path}__isnull", True)) if value is None else Q((part.path, value))


def _all_same(parts: tuple[KeyPart, ...], bound: Bound) -> Q:
    same = Q()
    for part, value in zip(parts, bound, strict=False):
        same &= _same(part, value)
    return same


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found
