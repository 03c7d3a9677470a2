"""Batches of raw values out of the database, one sequence per column.

Rows come as tuples where the database has every value, which is the fast way, and as instances
where a column is a function of the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import F, QuerySet
from django.db.models.constants import LOOKUP_SEP

from exportapp.tables.calls import guarded
from exportapp.tables.columns import (
    Called,
    ChoiceLabel,
    ColumnSpec,
    Computed,
    FieldValue,
    JoinedTexts,
    RelatedText,
)
from exportapp.tables.joined import JoinedReader
from exportapp.tables.moments import read_quickly
from exportapp.tables.related import RelatedTexts


@dataclass(frozen=True, slots=True)
class Fetched:
    keys: Sequence[Any]
    """The rows' primary keys."""
    columns: Sequence[Sequence[Any]]
    """The values of each column, in the order of the columns."""


Batches: TypeAlias = Iterator[Fetched]


def fetch(queryset: QuerySet[Any], columns: Sequence[ColumnSpec], batch_rows: int) -> Batches:
    """Batches of at most `batch_rows` rows in the queryset's order; nothing is counted."""
    read_quickly(connections[queryset.db])
    rows = with_computed(queryset, columns)
    if any(isinstance(spec.getter, Called) for spec in columns):
        return _instances(rows, columns, batch_rows)
    return _tuples(rows, columns, batch_rows)


def with_computed(queryset: QuerySet[Any], columns: Sequence[ColumnSpec]) -> QuerySet[Any]:
    """The queryset with the columns' expressions annotated."""
    computed = {
        spec.getter.alias: spec.getter.expression
        for spec in columns
        if isinstance(spec.getter, Computed)
    }
    return queryset.annotate(**computed) if computed else queryset


def _tuples(queryset: QuerySet[Any], columns: Sequence[ColumnSpec], batch_rows: int) -> Batches:
    # The primary key goes first: issues name it, and under DISTINCT it keeps equal rows apart. Its
    # columns one by one: Django orders by wrong columns where "pk" stands for several of them.
    own = [field.attname for field in queryset.model._meta.pk_fields]
    wanted = [path for path in map(column_path, columns) if path != "pk"]
    paths = list(dict.fromkeys([*own, *wanted]))
    rows = queryset.select_related(None).values_list(*paths).iterator(chunk_size=batch_rows)
    readers = [_texts(spec, queryset.db) for spec in columns]
    while batch := list(islice(rows, batch_rows)):
        values = dict(zip(paths, zip(*batch, strict=True), strict=True))
        values["pk"] = _keys(values, own)
        picked = [values[column_path(spec)] for spec in columns]
        yield Fetched(
            values["pk"], [read(keys) for read, keys in zip(readers, picked, strict=True)]
        )


def _keys(values: Mapping[str, Sequence[Any]], own: Sequence[str]) -> Sequence[Any]:
    return values[own[0]] if len(own) == 1 else list(zip(*(values[n] for n in own), strict=True))


def _instances(queryset: QuerySet[Any], columns: Sequence[ColumnSpec], batch_rows: int) -> Batches:
    aliases = {
        path: f"_export_path{index}"
        for index, path in enumerate(dict.fromkeys(map(column_path, columns)))
        if LOOKUP_SEP in path
    }
    annotated = queryset.annotate(**{alias: F(path) for path, alias in aliases.items()})
    rows = _with_related(annotated, columns).iterator(chunk_size=batch_rows)
    getters = [_instance_getter(spec, aliases) for spec in columns]
    readers = [_texts(spec, queryset.db) for spec in columns]
    while batch := list(islice(rows, batch_rows)):
        values = [[get(instance) for instance in batch] for get in getters]
        yield Fetched(
            [instance.pk for instance in batch],
            [read(keys) for read, keys in zip(readers, values, strict=True)],
        )


def _with_related(queryset: QuerySet[Any], columns: Sequence[ColumnSpec]) -> QuerySet[Any]:
    """What functions are known to follow is joined; what the list joins already stays joined.

    There is no only(): a function may read any attribute, and a deferred one is a query a row.
    """
    relations = {
        relation
        for spec in columns
        if isinstance(spec.getter, Called)
        for relation in spec.getter.relations
    }
    # True stands for "every relation" and would be narrowed by naming some.
    if not relations or queryset.query.select_related is True:
        return queryset
    return queryset.select_related(*sorted(relations))


def column_path(spec: ColumnSpec) -> str:
    """The path that a query has the column's value, or its key, under."""
    match spec.getter:
        case FieldValue(path=path) | ChoiceLabel(path=path):
            return path
        case RelatedText(key_path=path) | JoinedTexts(key_path=path):
            return path
        case Computed(alias=alias):
            return alias
    return "pk"


def _instance_getter(spec: ColumnSpec, aliases: dict[str, str]) -> Callable[[Any], Any]:
    if isinstance(spec.getter, Called):
        return partial(guarded, spec.getter.function)
    path = column_path(spec)
    return attrgetter(aliases.get(path, path))


def _texts(spec: ColumnSpec, database: str) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if isinstance(spec.getter, RelatedText):
        return RelatedTexts(spec.getter, database).of
    if isinstance(spec.getter, JoinedTexts):
        return JoinedReader(spec.getter, database).of
    return _as_they_are


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values
