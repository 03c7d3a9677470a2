"""Columns of ORM expressions: the same value for a row, whatever else is asked about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery

from exportapp.exceptions import RequestRefused
from exportapp.tables.paths import relation_to_many

VALUE = "_export_value"


def per_row(rows: QuerySet[Any], name: str, expression: Any) -> Any:
    """`expression` such that it can be annotated onto `rows` however they are filtered and joined.

    An aggregate becomes a subquery of its own: two of them beside each other, or one beside a
    filter over the same relation, would count the rows of the join. Raises RequestRefused for
    a window function, two relations in one aggregate, and names that the rows do not have.
    """
    try:
        resolved = rows.annotate(**{VALUE: expression}).query.annotations[VALUE]
        # Asked here, where an expression whose type Django cannot tell is refused by name.
        assert resolved.output_field is not None
        if getattr(resolved, "contains_over_clause", False):
            raise RequestRefused(
                f"Column '{name}' is a window function, and the rows are read in ranges: "
                "use an aggregate, a subquery or a function of the instance."
            )
        if not getattr(resolved, "contains_aggregate", False):
            return expression
        _refuse_two_relations(rows.model, name, expression)
        return _subquery(rows.model, expression)
    except FieldError as error:
        raise RequestRefused(f"Column '{name}': {error}") from error


def output_field(rows: QuerySet[Any], expression: Any) -> Any:
    """The field that describes the expression's values. Raises FieldError."""
    return rows.annotate(**{VALUE: expression}).query.annotations[VALUE].output_field


def named_paths(item: Any) -> Iterator[str]:
    """The lookup paths that an expression, a condition or an item of an order is made of."""
    if isinstance(item, str):
        yield item.removeprefix("-")
    elif isinstance(item, F):
        yield item.name  # type: ignore[attr-defined]
    elif isinstance(item, Q):
        for child in item.children:
            yield from named_paths(child[0] if isinstance(child, tuple) else child)
    elif hasattr(item, "get_source_expressions"):
        for part in filter(None, item.get_source_expressions()):
            yield from named_paths(part)


def _refuse_two_relations(model: type[Model], name: str, expression: Any) -> None:
    found = {relation_to_many(model, path) for path in named_paths(expression)} - {None}
    if len(found) > 1:
        listed = ", ".join(f"'{relation}'" for relation in sorted(map(str, found)))
        raise RequestRefused(
            f"Column '{name}' aggregates over {listed} at once, where each counts the other's rows "
            "too: make a column of each."
        )


def _subquery(model: type[Model], expression: Any) -> Subquery:
    key = [field.attname for field in model._meta.pk_fields]
    same = model._base_manager.filter(**{name: OuterRef(name) for name in key})
    return Subquery(same.order_by().values(*key).annotate(**{VALUE: expression}).values(VALUE))
