"""The copy reader: rows of PostgreSQL by COPY, without an object per value.

In its binary format where the types of all columns are known there, else as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pyarrow as pa
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import BigIntegerField, F, Func, Model, QuerySet, TextField
from django.db.models.functions import Cast

from exportapp.tables import copybinary
from exportapp.tables.arrays import arrow_schema, arrow_type
from exportapp.tables.calls import Raised
from exportapp.tables.columns import ChoiceLabel, ColumnSpec, RelatedText
from exportapp.tables.copyout import (
    Line,
    NotPlain,
    Waiting,
    blocks,
    connected,
    tuples,
    types_of,
)
from exportapp.tables.copytext import TextParser
from exportapp.tables.fetch import column_path, with_computed
from exportapp.tables.paths import follow
from exportapp.tables.readers import Chunk
from exportapp.tables.related import RelatedTexts
from exportapp.tables.rowkeys import key_type
from exportapp.tables.selection import Viewer
from exportapp.xlsx import Kind
from exportapp.xlsx.numbers import not_numbers


class Microseconds(Func):
    """An interval as a whole number, which needs no parser for its many spellings."""

    template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


Slots: TypeAlias = dict[tuple[str, Kind], pa.DataType]

DIGITS: Final = ("bigint", "integer", "numeric", "serial", "smallint", "uuid")
"""How types begin whose text is the same by a cast and by COPY. Others differ: `true` and `t`."""

AGAIN: Final = "_export_again{}"
"""A name for what a query selects beside a column of the same path."""


def copy(
    queryset: QuerySet[Any],
    columns: Sequence[ColumnSpec],
    viewer: Viewer,
    *,
    batch_rows: int,
    waiting: Callable[[], None] = lambda: None,
    begin: Callable[[Any], None] | None = None,
    line: Line | None = None,
) -> Iterator[Chunk]:
    """The queryset's rows in its order, in chunks as the orm reader's, without a bad value.

    A chunk has `batch_rows`, or fewer where rows are wide.

    Only for what `copyable.obstacle` has nothing against. `waiting` is called about twice a
    second while the server has no row yet, and may raise. `begin` is given the connection that
    rows come by before anything is asked. `line` is that of whoever reads more ranges of the same
    database and closes it behind the last; without it the connection ends here. Raises NotPlain for
    values that need the orm reader, and the database's own errors.
    """
    slots = _slots(columns, queryset.model)
    shaper = _Shaper(columns, queryset, slots)
    with ExitStack() as stack:
        if line is None:
            line = stack.enter_context(closing(Line(queryset.db)))
        connection = stack.enter_context(connected(line, begin))
        asking = _Asking(queryset, columns, slots, viewer, batch_rows, waiting)
        for values in asking.columns(connection, line):
            with viewer.active():
                chunk = shaper.chunk(values)
            yield chunk


@dataclass(frozen=True, slots=True)
class _Asking:
    """A query on its way to the server, in one format or the other."""

    queryset: QuerySet[Any]
    specs: Sequence[ColumnSpec]
    slots: Slots
    viewer: Viewer
    batch_rows: int
    waiting: Waiting

    def columns(self, connection: Any, line: Line) -> Iterator[list[pa.Array]]:
        """What is selected, as parsed."""
        sql, params = self._sql(as_text=DIGITS)
        if not sql:
            return
        if sql not in line.types:
            line.types[sql] = types_of(connection, sql, params)
        types, wanted = line.types[sql], list(self.slots.values())
        if types and copybinary.is_known(types, wanted):
            fields = len(wanted)
            found = tuples(connection, sql, params, fields, self.batch_rows, self.waiting)
            for block in found:
                values = copybinary.arrays(block, types, wanted)
                block.data.release()
                yield values
            return
        text = TextParser(wanted)
        asked = self._sql()
        yield from map(text.arrays, blocks(connection, *asked, self.batch_rows, self.waiting))

    def _sql(self, as_text: tuple[str, ...] = ()) -> tuple[str, Any]:
        with self.viewer.active():
            return _query(self.queryset, self.specs, self.slots, as_text)


def _query(
    queryset: QuerySet[Any],
    columns: Sequence[ColumnSpec],
    slots: Slots,
    as_text: tuple[str, ...] = (),
) -> tuple[str, Any]:
    """The SELECT behind the columns; empty where Django knows that no row can match.

    What is to be text and is of a type that begins with one of `as_text` is cast to it.
    """
    rows = with_computed(queryset, columns).select_related(None)
    types = connections[queryset.db]
    paths: list[str] = []
    for index, ((path, kind), arrow) in enumerate(slots.items()):
        name = AGAIN.format(index)
        if kind is Kind.DURATION:
            rows = rows.annotate(**{name: Microseconds(F(path))})
        elif arrow == pa.string() and as_text and _stored(rows, path, types).startswith(as_text):
            rows = rows.annotate(**{name: Cast(path, TextField())})
        elif path in paths:
            # values_list() would fold the same name, and this one is parsed as another type.
            rows = rows.annotate(**{name: F(path)})
        else:
            name = path
        paths.append(name)
    try:
        return rows.values_list(*paths).query.get_compiler(queryset.db).as_sql()  # type: ignore[no-any-return]
    except EmptyResultSet:
        return "", ()


def _stored(rows: QuerySet[Any], path: str, connection: Any) -> str:
    """The type of a plain column in the database; empty for what a query makes."""
    if path in rows.query.annotations:
        return ""
    found = follow(rows.model, path)
    return "" if found.transforms else found.target.db_type(connection) or ""


def _slots(columns: Sequence[ColumnSpec], model: type[Model]) -> Slots:
    """What is selected, in order: path and kind as parsed, with the type it is parsed to."""
    slots = {}
    for spec in columns:
        named = isinstance(spec.getter, ChoiceLabel | RelatedText)
        kind = Kind.TEXT if named else spec.kind
        stored = pa.int64() if kind is Kind.DURATION else arrow_type(spec)
        slots[column_path(spec), kind] = pa.string() if named else stored
    if kept := key_type(model):
        slots.setdefault(_key_slot(model, kept), kept)
    return slots


def _key_slot(model: type[Model], kept: pa.DataType) -> tuple[str, Kind]:
    return model._meta.pk.attname, Kind.INTEGER if kept == pa.int64() else Kind.TEXT


class _Shaper:
    """From what was selected to the arrays that the orm reader would have made."""

    def __init__(
        self, columns: Sequence[ColumnSpec], queryset: QuerySet[Any], slots: Slots
    ) -> None:
        model, database = queryset.model, queryset.db
        self._kept = key_type(model)
        self._key = list(slots).index(_key_slot(model, self._kept)) if self._kept else 0
        self._columns = columns
        self._places = [_place(slots, spec) for spec in columns]
        self._schema = arrow_schema(columns)
        self._texts = {
            index: RelatedTexts(spec.getter, database)
            for index, spec in enumerate(columns)
            if isinstance(spec.getter, RelatedText)
        }

    def chunk(self, values: Sequence[pa.Array]) -> Chunk:
        arrays = [
            self._shaped(index, spec, values[place])
            for index, (spec, place) in enumerate(zip(self._columns, self._places, strict=True))
        ]
        batch = pa.record_batch(arrays, schema=self._schema)
        # A key may be exported as digits too.
        keys = values[self._key].cast(self._kept) if self._kept else ()
        return Chunk(batch, (), keys, batch.num_rows)

    def _shaped(self, index: int, spec: ColumnSpec, array: pa.Array) -> pa.Array:
        getter = spec.getter
        if isinstance(getter, RelatedText):
            texts, target = self._texts[index], getter.model._meta.get_field(getter.target)
            return _mapped(array, lambda keys: texts.of([target.to_python(key) for key in keys]))
        if isinstance(getter, ChoiceLabel):
            labels = {str(code): label for code, label in getter.labels.items()}
            named = _mapped(array, lambda codes: [labels.get(code, code) for code in codes])
            missing = getter.labels.get(None)
            return named if missing is None else named.fill_null(missing)
        if spec.kind is Kind.DECIMAL and not_numbers(array) is not None:
            raise NotPlain("a number that is not finite")
        return array.cast(arrow_type(spec))


def _place(slots: Slots, spec: ColumnSpec) -> int:
    named = isinstance(spec.getter, ChoiceLabel | RelatedText)
    return list(slots).index((column_path(spec), Kind.TEXT if named else spec.kind))


def _mapped(array: pa.Array, texts_of: Any) -> pa.Array:
    """Each distinct value is looked up once, whatever the number of rows."""
    encoded = array.dictionary_encode()
    texts = texts_of(encoded.dictionary.to_pylist())
    if any(isinstance(text, Raised) for text in texts):
        raise NotPlain("a related object's text could not be made")
    return pa.DictionaryArray.from_arrays(
        encoded.indices, pa.array(texts, pa.string())
    ).dictionary_decode()
