"""One column's values of a batch as one Arrow array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pyarrow as pa
from django.conf import settings
from django.utils.hashable import make_hashable

from exportapp.tables.calls import Raised, Shortened
from exportapp.tables.columns import ChoiceLabel, ColumnSpec, FieldValue
from exportapp.tables.convert import CONVERTERS, BadValue, to_digits
from exportapp.xlsx import Kind
from exportapp.xlsx.numbers import not_numbers

SNAPSHOT_CHARS: Final = 200
"""How much of a bad value an issue keeps."""

STORAGE: Final = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.DECIMAL: pa.string(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.time64("us"),
    Kind.DURATION: pa.duration("us"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str
    value: str
    kept: bool = False
    """The cell has a value all the same: no policy for bad values applies."""


Problems: TypeAlias = dict[int, Problem]
"""By the row's position in the batch."""


def arrow_type(spec: ColumnSpec) -> pa.DataType:
    """How the column's values are stored; fixed for the whole export.

    Moments are in UTC where the project uses time zones, else wall-clock times.
    """
    if spec.kind is Kind.DATETIME:
        return pa.timestamp("us", tz="UTC" if settings.USE_TZ else None)
    return pa.string() if spec.digits else STORAGE[spec.kind]


def arrow_schema(columns: Sequence[ColumnSpec]) -> pa.Schema:
    return pa.schema([(spec.key, arrow_type(spec)) for spec in columns])


def column_array(spec: ColumnSpec, values: Sequence[Any]) -> tuple[pa.Array, Problems]:
    """The values in one go where they already fit, else one by one.

    A bad value is null in the array and named in the problems; so is a list that was cut, which
    stays.
    """
    if not spec.loose:
        try:
            return _in_one_go(spec, values), {}
        except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
            # Some value is not what the field promises: the slow way finds which.
            pass
    return _one_by_one(spec, values)


def _in_one_go(spec: ColumnSpec, values: Sequence[Any]) -> pa.Array:
    getter = spec.getter
    if isinstance(getter, ChoiceLabel):
        labels = getter.labels
        return pa.array([labels.get(value, value) for value in values], pa.string())
    if isinstance(getter, FieldValue) and getter.encode is not None:
        encode = getter.encode
        return pa.array([encode(value) for value in values], pa.string())
    if spec.kind is Kind.DECIMAL:
        return _decimals(values)
    if spec.digits:
        return pa.array(values, pa.int64()).cast(pa.string())
    return pa.array(values, arrow_type(spec))


def _decimals(values: Sequence[Any]) -> pa.Array:
    texts = [None if value is None else format(value, "f") for value in values]
    array = pa.array(texts, pa.string())
    if not_numbers(array) is not None:
        raise ValueError("not finite")
    return array


def _one_by_one(spec: ColumnSpec, values: Sequence[Any]) -> tuple[pa.Array, Problems]:
    convert = to_digits if spec.digits else CONVERTERS[spec.kind]
    if isinstance(spec.getter, FieldValue) and spec.getter.encode and spec.kind is Kind.TEXT:
        convert = spec.getter.encode
    cells: list[Any] = [None] * len(values)
    problems: Problems = {}
    for index, value in enumerate(values):
        if isinstance(value, Shortened):
            cells[index] = value.text
            problems[index] = Problem("list_cut", value.message, _snapshot(value.text), kept=True)
            continue
        try:
            cells[index] = _cell(spec, convert, value)
        except Exception as error:
            # Whatever one value does must not stop the others: to_text() may run foreign code.
            problems[index] = _problem(error, value)
    return pa.array(cells, arrow_type(spec)), problems


def _cell(spec: ColumnSpec, convert: Any, value: Any) -> Any:
    if isinstance(value, Raised):
        raise value.error
    if value is None or (value == "" and spec.kind is not Kind.TEXT):
        return None
    if isinstance(spec.getter, ChoiceLabel):
        value = spec.getter.labels.get(make_hashable(value), value)
    return convert(value)


def _problem(error: Exception, value: Any) -> Problem:
    if isinstance(value, Raised):
        return Problem("callable_raised", f"{type(error).__name__}: {error}", "")
    code = error.code if isinstance(error, BadValue) else BadValue.code
    return Problem(code, str(error) or type(error).__name__, _snapshot(value))


def _snapshot(value: Any) -> str:
    try:
        return repr(value)[:SNAPSHOT_CHARS]
    except Exception:
        # A repr() that raises is no reason to lose the issue.
        return f"<{type(value).__name__}>"
