"""Texts of a column as the bytes they lie in: what concerns single bytes is done to all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from exportapp.xlsx.columns import value_bytes

Numbers: TypeAlias = "np.ndarray[Any, Any]"


def with_entities(array: pa.Array, entities: Mapping[str, str]) -> pa.Array:
    """A string array with longer texts in place of single ASCII characters, one after the other.

    A kernel for substrings would look at each text by itself, though few have one.
    """
    for character, entity in entities.items():
        array = _with_entity(array, ord(character), character.encode(), entity.encode())
    return array


def _with_entity(array: pa.Array, byte: int, before: bytes, after: bytes) -> pa.Array:
    data, ends = value_bytes(array), _ends(array)
    places = np.flatnonzero(np.frombuffer(data, np.uint8) == byte)
    rows = np.searchsorted(ends[1:], places, side="right")
    grown = np.cumsum(np.bincount(rows, minlength=len(array))) * (len(after) - len(before))
    ends[1:] += grown.astype(ends.dtype)
    text = data.to_pybytes().replace(before, after)
    valid = array.is_valid().buffers()[1] if array.null_count else None
    buffers = [valid, pa.py_buffer(ends), pa.py_buffer(text)]
    return pa.Array.from_buffers(array.type, len(array), buffers)


def at_an_edge(array: pa.Array, character: str) -> Numbers:
    """Which texts of an array begin or end with an ASCII character, as bools."""
    data, ends = np.frombuffer(value_bytes(array), np.uint8), _ends(array)
    if not len(data):
        return np.zeros(len(array), np.bool_)
    # An empty text has neither; behind the last byte of all there is nothing.
    first, last = np.minimum(ends[:-1], len(data) - 1), ends[1:] - 1
    edge: Numbers = (data[first] == ord(character)) | (data[last] == ord(character))
    return edge & (ends[1:] > ends[:-1])


def _ends(array: pa.Array) -> Numbers:
    """Where texts begin and end in their `value_bytes`: one place more than there are texts."""
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    if not len(array) or array.buffers()[2] is None:
        return np.zeros(len(array) + 1, kind)
    ends = np.frombuffer(array.buffers()[1], kind)[array.offset :][: len(array) + 1]
    counted: Numbers = ends - ends[0]
    return counted
