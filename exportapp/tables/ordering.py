"""A queryset's effective order as key parts: what ORDER BY says, spelled out and made total."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import F, Field, Model, OrderBy, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.functions import Random
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exportapp.exceptions import RequestRefused
from exportapp.tables.paths import FieldPath, follow

MAX_RELATIONS: Final = 8
"""Relations followed for one name; Django itself finds such an order to be an infinite loop."""

RANDOM: Final = gettext_lazy("A random order cannot be exported: order by a field.")

Item: TypeAlias = Any
"""What order_by() takes: a name, "-name", an expression or an OrderBy."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    path: str
    """A lookup path or an annotation's name."""
    descending: bool
    nulls_first: bool
    """Where NULLs stand: as said in the order, else as the database does."""
    nullable: bool
    unique: bool
    """No two rows share a value, and none is NULL: nothing after it matters."""
    expression: Any = None
    """Given when `path` names an expression that is not in the queryset yet."""
    nulls_said: bool = False
    """NULLs were placed by the order itself, so ORDER BY has to repeat it."""

    def order_by(self) -> OrderBy:
        return OrderBy(
            F(self.path),
            descending=self.descending,
            nulls_first=(self.nulls_said and self.nulls_first) or None,
            nulls_last=(self.nulls_said and not self.nulls_first) or None,
        )


def key_parts(queryset: QuerySet[Any]) -> tuple[KeyPart, ...]:
    """The order of `queryset`, ending in a part that is unique.

    Raises RequestRefused where the order or the queryset does not allow key ranges.
    """
    _refuse_unrangeable(queryset)
    expander = _Expander(queryset)
    turned = not queryset.query.standard_ordering
    parts: list[KeyPart] = []
    for item in _effective_items(queryset):
        for part in expander.expand(item, turned=turned):
            if all(part.path != known.path for known in parts):
                parts.append(part)
            if part.unique:
                return tuple(parts)
    # The same direction as the part before: one index then serves the whole key.
    sign = "-" if parts and parts[-1].descending else ""
    known_paths = {part.path for part in parts}
    rest = [part for part in expander.expand(f"{sign}pk") if part.path not in known_paths]
    return (*parts, *rest)


def _refuse_unrangeable(queryset: QuerySet[Any]) -> None:
    query = queryset.query
    reasons = {
        _("it is sliced"): query.is_sliced,
        _("it is a union of others"): bool(query.combinator),
        _("it keeps one row for each of some fields"): bool(query.distinct_fields),
        _("its order is given by extra()"): bool(query.extra_order_by),
        _("it has a window function, which would see one range only"): any(
            getattr(annotation, "contains_over_clause", False)
            for annotation in query.annotations.values()
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            raise RequestRefused(
                _("This list cannot be read in key ranges: {reason}.").format(reason=reason)
            )


def _effective_items(queryset: QuerySet[Any]) -> Sequence[Item]:
    query = queryset.query
    if query.order_by or not query.default_ordering:
        return query.order_by
    return query.get_meta().ordering or ()


class _Expander:
    """Turns one item of an order into key parts, the way Django's compiler orders by it."""

    def __init__(self, queryset: QuerySet[Any]) -> None:
        self._model: type[Model] = queryset.model
        self._annotations = queryset.query.annotations
        self._null_is_smallest = not connections[queryset.db].features.nulls_order_largest
        self._expressions = 0

    def expand(self, item: Item, *, turned: bool = False, prefix: str = "") -> Iterator[KeyPart]:
        if isinstance(item, str):
            if item == "?":
                raise RequestRefused(str(RANDOM))
            path = prefix + item.lstrip("-")
            yield from self._of_name(path, descending=item.startswith("-") != turned)
            return
        order = item.copy() if isinstance(item, OrderBy) else item.asc()
        if turned:
            order.reverse_ordering()
        yield self._of_expression(order.prefix_references(prefix) if prefix else order)

    def _of_name(self, path: str, *, descending: bool) -> Iterator[KeyPart]:
        *parents, last = path.split(LOOKUP_SEP)
        if self._is_annotation(path):
            yield self._part(path, descending)
        elif last == "pk":
            for name in self._primary_key(parents):
                yield self._of_field(LOOKUP_SEP.join([*parents, name]), descending)
        else:
            found = self._walk(path)
            target, plain = found.target, not found.transforms
            if target.is_relation and plain and last != getattr(target, "attname", None):
                yield from self._of_relation(path, target, descending)
            else:
                yield self._of_field(path, descending)

    def _primary_key(self, parents: list[str]) -> list[str]:
        """Its columns: there may be several."""
        owner = self._walk(LOOKUP_SEP.join(parents)).target.related_model if parents else None
        return [field.attname for field in (owner or self._model)._meta.pk_fields]

    def _of_relation(self, path: str, field: Any, descending: bool) -> Iterator[KeyPart]:
        if path.count(LOOKUP_SEP) >= MAX_RELATIONS:
            raise RequestRefused(_("The order by '{path}' leads back to itself.").format(path=path))
        if not field.related_model._meta.ordering and isinstance(field, Field):
            # By what it points with: not every relation points at the other model's key.
            own = LOOKUP_SEP.join([*path.split(LOOKUP_SEP)[:-1], field.attname])
            yield self._of_field(own, descending)
            return
        for item in field.related_model._meta.ordering or ("pk",):
            # Django turns names and plain expressions of the related order, but not an OrderBy.
            turned = descending and not isinstance(item, OrderBy)
            yield from self.expand(item, turned=turned, prefix=f"{path}{LOOKUP_SEP}")

    def _of_expression(self, order: OrderBy) -> KeyPart:
        if isinstance(order.expression, Random):
            raise RequestRefused(str(RANDOM))
        if isinstance(order.expression, F):
            name = order.expression.name  # type: ignore[attr-defined]
            known = self._is_annotation(name)
            part = (self._part if known else self._of_field)(name, order.descending)
        else:
            self._expressions += 1
            part = self._part(f"_export_key{self._expressions}", order.descending)
            part = replace(part, expression=order.expression)
        if order.nulls_first or order.nulls_last:
            part = replace(part, nulls_said=True, nulls_first=bool(order.nulls_first))
        return part

    def _is_annotation(self, path: str) -> bool:
        return path.split(LOOKUP_SEP)[0] in self._annotations

    def _of_field(self, path: str, descending: bool) -> KeyPart:
        found = self._walk(path)
        unique = found.is_own and not found.nullable and found.target.unique
        return replace(self._part(path, descending), nullable=found.nullable, unique=unique)

    def _walk(self, path: str) -> FieldPath:
        try:
            return follow(self._model, path)
        except FieldDoesNotExist as error:
            raise RequestRefused(
                _("Rows cannot be ordered by '{path}': {why}.").format(path=path, why=error)
            ) from error

    def _part(self, path: str, descending: bool) -> KeyPart:
        return KeyPart(
            path=path,
            descending=descending,
            nulls_first=self._null_is_smallest != descending,
            nullable=True,
            unique=False,
        )
