"""The copy reader: rows of PostgreSQL by COPY, parsed by Arrow, without an object per value.

Its text format costs the server less than CSV: nothing is looked through for quotes. Source:
PostgreSQL documentation, COPY, "Text Format" (tabs between values, \\N for NULL, a backslash before
what would be taken for something else).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from django.core.exceptions import EmptyResultSet
from django.db.models import BigIntegerField, F, Func, Model, QuerySet
from pyarrow import csv
from typing_extensions import Buffer

from exportapp.tables.arrays import arrow_schema, arrow_type
from exportapp.tables.calls import Raised
from exportapp.tables.columns import ChoiceLabel, ColumnSpec, RelatedText
from exportapp.tables.copyout import Line, NotPlain, blocks, connected
from exportapp.tables.fetch import column_path, with_computed
from exportapp.tables.readers import Chunk
from exportapp.tables.related import RelatedTexts
from exportapp.tables.rowkeys import key_type
from exportapp.tables.selection import Viewer
from exportapp.xlsx import Kind
from exportapp.xlsx.columns import value_bytes
from exportapp.xlsx.numbers import not_numbers


class Microseconds(Func):
    """An interval as a whole number, which needs no parser for its many spellings."""

    template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


Slots: TypeAlias = dict[tuple[str, Kind], pa.DataType]

NULL: Final = r"\N"

SEQUENCES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
"""What COPY writes with a backslash and a letter."""

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
    with viewer.active():
        sql, params = _query(queryset, columns)
    if not sql:
        return
    shaper = _Shaper(columns, queryset)
    with ExitStack() as stack:
        if line is None:
            line = stack.enter_context(closing(Line(queryset.db)))
        connection = stack.enter_context(connected(line, begin))
        for block in blocks(connection, sql, params, batch_rows, waiting):
            with viewer.active():
                chunk = shaper.chunk(block)
            yield chunk


def _query(queryset: QuerySet[Any], columns: Sequence[ColumnSpec]) -> tuple[str, Any]:
    """The SELECT behind the columns; empty where Django knows that no row can match."""
    rows = with_computed(queryset, columns).select_related(None)
    paths = []
    for index, (path, kind) in enumerate(_slots(columns, queryset.model)):
        if kind is Kind.DURATION:
            rows = rows.annotate(**{AGAIN.format(index): Microseconds(F(path))})
        elif path in paths:
            # values_list() would fold the same name, and this one is parsed as another type.
            rows = rows.annotate(**{AGAIN.format(index): F(path)})
        else:
            paths.append(path)
            continue
        paths.append(AGAIN.format(index))
    try:
        return rows.values_list(*paths).query.get_compiler(queryset.db).as_sql()  # type: ignore[no-any-return]
    except EmptyResultSet:
        return "", ()


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
    """From records to the arrays that the orm reader would have made."""

    def __init__(self, columns: Sequence[ColumnSpec], queryset: QuerySet[Any]) -> None:
        model, database = queryset.model, queryset.db
        slots = _slots(columns, model)
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
        self._names = [f"c{index}" for index in range(len(slots))]
        self._convert = csv.ConvertOptions(
            include_columns=self._names,
            column_types=dict(zip(self._names, slots.values(), strict=True)),
            null_values=[NULL],
            strings_can_be_null=True,
            true_values=["t"],
            false_values=["f"],
        )

    def chunk(self, block: Buffer) -> Chunk:
        # One block is one batch: threads and smaller blocks would only cut it up.
        reading = csv.ReadOptions(
            column_names=["frame", *self._names],
            use_threads=False,
            block_size=memoryview(block).nbytes + 1,
        )
        parsing = csv.ParseOptions(delimiter="\t", quote_char=False, newlines_in_values=False)
        try:
            table = csv.read_csv(pa.py_buffer(block), reading, parsing, self._convert)
        except pa.ArrowInvalid as error:
            raise NotPlain(str(error)) from error
        values = [unescaped(column.combine_chunks()) for column in table.columns]
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


def unescaped(array: pa.Array) -> pa.Array:
    """Texts as they were before COPY put backslashes into them."""
    if not pa.types.is_string(array.type) or b"\\" not in value_bytes(array).to_pybytes():
        return array
    # No text of PostgreSQL has a NUL: it stands for the backslashes that are meant, in pairs from
    # the left, so that what is left of them begins a sequence.
    array = pc.replace_substring(array, r"\\", "\0")
    for letter, character in SEQUENCES.items():
        array = pc.replace_substring(array, f"\\{letter}", character)
    return pc.replace_substring(array, "\0", "\\")


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
