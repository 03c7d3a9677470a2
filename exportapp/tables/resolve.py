"""From what a developer or a person named to a `ColumnSpec`.

A name is looked up the way the admin's list does: a field first, then an attribute of the
ModelAdmin, then one of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db.models import F, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.related_descriptors import ReverseManyToOneDescriptor
from django.utils import translation
from django.utils.text import slugify

from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.tables.calls import require_harmless
from exportapp.tables.columns import Called, Column, ColumnSpec, Computed, FieldValue
from exportapp.tables.expressions import output_field, per_row
from exportapp.tables.fields import field_spec
from exportapp.tables.joined import joined_spec
from exportapp.tables.kinds import field_format, field_kind, function_kind, number_format
from exportapp.tables.paths import ToManyPath, follow
from exportapp.tables.titles import title_of_name
from exportapp.xlsx import Kind


def as_column(declared: Any) -> Column:
    return declared if isinstance(declared, Column) else Column(declared)


def column_name(declared: Any) -> str:
    """What a request calls this column; the same in every language.

    Raises RequestRefused for an expression or a lambda without a title.
    """
    column = as_column(declared)
    if isinstance(column.key, str):
        return column.key
    name = getattr(column.key, "__name__", "<lambda>")
    if name != "<lambda>":
        return str(name)
    if column.title is None:
        raise RequestRefused("A column made of an expression or a lambda needs a title.")
    with translation.override(None):
        return slugify(str(column.title)).replace("-", "_") or "column"


def with_unique_keys(specs: Iterable[ColumnSpec]) -> tuple[ColumnSpec, ...]:
    taken: dict[str, ColumnSpec] = {}
    for spec in specs:
        key, copies = spec.key, 1
        while key in taken:
            copies += 1
            key = f"{spec.key}_{copies}"
        taken[key] = replace(spec, key=key)
    return tuple(taken.values())


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves columns of one source; the viewer's language must be active."""

    model: type[Model]
    model_admin: Any
    rows: QuerySet[Any]
    """What the annotations are taken from; never evaluated."""
    codes: bool = False
    """Choices as their code, whatever the columns say."""

    def resolve(self, declared: Any) -> ColumnSpec:
        """Raises UnknownName, RequestRefused (a path to many rows without join, no title)."""
        column = as_column(declared)
        if column.join is not None:
            spec = self._of_many(column)
        elif isinstance(column.key, str):
            spec = self._of_name(column, column.key)
        elif hasattr(column.key, "resolve_expression"):
            spec = self._of_expression(column)
        elif callable(column.key):
            spec = self._of_function(column, column.key, column.key)
        else:
            raise RequestRefused(f"A column cannot be made of {column.key!r}.")
        return _as_declared(spec, column)

    def _of_name(self, column: Column, name: str) -> ColumnSpec:
        if name.split(LOOKUP_SEP)[0] in self.rows.query.annotations:
            return self._of_annotation(name)
        try:
            return self._of_path(column, name)
        except (FieldDoesNotExist, ToManyPath) as error:
            spec = self._of_attribute(column, name)
            if spec is None and isinstance(error, ToManyPath):
                raise _undecided(name) from error
        if spec is None:
            raise UnknownName("column", name, self._own_names())
        return spec

    def _of_path(self, column: Column, name: str) -> ColumnSpec:
        found = follow(self.model, name)
        if not found.transforms:
            title = self._title(name)
            return field_spec(name, found.target, title, label=column.label, codes=self.codes)
        try:
            return self._of_annotation(name)
        except FieldError as error:
            raise FieldDoesNotExist(str(error)) from error

    def _of_annotation(self, name: str) -> ColumnSpec:
        output = output_field(self.rows, F(name))
        return _of_output(name, self._title(name), output, FieldValue(name))

    def _of_expression(self, column: Column) -> ColumnSpec:
        key = column_name(column)
        getter = Computed(f"_export_{key}", per_row(self.rows, key, column.key))
        return _of_output(key, str(column.title), output_field(self.rows, column.key), getter)

    def _of_many(self, column: Column) -> ColumnSpec:
        if not isinstance(column.key, str):
            raise RequestRefused(f"Only a lookup path can be joined, not {column.key!r}.")
        title = "" if column.title is not None else self._title(column.key)
        return joined_spec(self.model, column.key, column, title, codes=self.codes)

    def _of_attribute(self, column: Column, name: str) -> ColumnSpec | None:
        if name == "__str__":
            return self._of_function(column, str, str)
        if hasattr(self.model_admin, name):
            method = getattr(self.model_admin, name)
            return self._of_function(column, method, method)
        owner, parents = self._owner(name)
        attribute = getattr(owner, name.split(LOOKUP_SEP)[-1], None)
        if attribute is None or isinstance(attribute, ReverseManyToOneDescriptor):
            return None
        function = partial(_attribute, name.split(LOOKUP_SEP))
        return self._of_function(column, function, attribute, parents)

    def _owner(self, name: str) -> tuple[Any, tuple[str, ...]]:
        """The model that has the last piece of `name`, and the relations that lead there."""
        parents = name.rpartition(LOOKUP_SEP)[0]
        if not parents:
            return self.model, ()
        try:
            return follow(self.model, parents).target.related_model, (parents,)
        except FieldDoesNotExist:
            return None, ()

    def _of_function(
        self,
        column: Column,
        function: Callable[[Any], Any],
        described: Any,
        parents: tuple[str, ...] = (),
    ) -> ColumnSpec:
        """described: what carries the annotations and what @admin.display said."""
        require_harmless(described, column_name(column))
        kind = function_kind(described)
        empty = _empty_text(described)
        if empty is not None and kind is Kind.TEXT:
            function = partial(_or_empty, function, str(empty))
        return ColumnSpec(
            key=column_name(column),
            title="" if column.title is not None else self._title(column.key),
            kind=kind,
            number_format=number_format(kind),
            digits=kind is Kind.INTEGER,
            loose=True,
            getter=Called(function, (*parents, *self._order_relations(described))),
        )

    def _order_relations(self, function: Any) -> tuple[str, ...]:
        """A column that sorts by "customer__name" most likely reads the customer too."""
        plain = function.fget if isinstance(function, property) else function
        order = getattr(plain, "admin_order_field", None)
        relation = order.lstrip("-").rpartition(LOOKUP_SEP)[0] if isinstance(order, str) else ""
        try:
            is_relation = bool(relation) and follow(self.model, relation).target.is_relation
        except (FieldDoesNotExist, ToManyPath):
            return ()
        return (relation,) if is_relation else ()

    def _title(self, name: Any) -> str:
        return title_of_name(name, self.model, self.model_admin)

    def _own_names(self) -> list[str]:
        return [field.name for field in self.model._meta.concrete_fields]


def _undecided(name: str) -> ToManyPath:
    return ToManyPath(
        f"'{name}' leads to many rows, and a cell holds one value: give "
        f"Column('{name}', join=', ') or an aggregate such as Column(Count('{name}'), title=…)."
    )


def _of_output(key: str, title: str, output: Any, getter: FieldValue | Computed) -> ColumnSpec:
    kind = field_kind(output)
    return ColumnSpec(
        key=key,
        title=title,
        kind=kind,
        number_format=field_format(output, kind),
        digits=kind is Kind.INTEGER,
        getter=getter,
    )


def _as_declared(spec: ColumnSpec, column: Column) -> ColumnSpec:
    kind = column.kind or spec.kind
    changed = kind is not spec.kind
    own_format = number_format(kind) if changed else spec.number_format
    return replace(
        spec,
        title=spec.title if column.title is None else str(column.title),
        kind=kind,
        digits=kind is Kind.INTEGER and (changed or spec.digits),
        loose=changed or spec.loose,
        number_format=column.number_format or own_format,
        align=column.align,
        width=column.width,
    )


def _empty_text(function: Any) -> Any:
    """What @admin.display(empty_value=…) says of this function; the site's "-" is no value."""
    plain = function.fget if isinstance(function, property) else function
    return getattr(plain, "empty_value_display", None)


def _or_empty(function: Callable[[Any], Any], empty: str, instance: Any) -> Any:
    value = function(instance)
    return empty if value is None or value == "" else value


def _attribute(pieces: list[str], instance: Any) -> Any:
    """The last piece may be a method; anything that is missing on the way is blank."""
    value = instance
    for piece in pieces:
        value = getattr(value, piece, None)
    return value() if callable(value) else value
