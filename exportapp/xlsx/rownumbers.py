"""The row numbers of a batch, with what stands around them in every row.

References are half of the pieces of a row's XML. Numbers next to each other have the same number
of digits, so all rows of such a piece are as long as each other: one is stamped as many times, and
only digits are written into the copies.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import join, value_bytes


class RowNumbers:
    """`count` row numbers from `first` (1 or more) on."""

    def __init__(self, first: int, count: int) -> None:
        self._first, self._count = first, count
        self._digits = len(str(first))

    @cached_property
    def texts(self) -> pa.Array:
        """The numbers as text."""
        ones = pa.repeat(pa.scalar(1, pa.int64()), self._count)
        return pc.cumulative_sum(ones, start=self._first - 1).cast(pa.string())

    def between(self, before: str, after: str) -> pa.Array:
        """`before`, the number and `after`, for each row."""
        if len(str(self._first + self._count - 1)) != self._digits:
            return join((before, self.texts, after))
        head, tail = before.encode(), after.encode()
        stamp = head + bytes(self._digits) + tail
        data = bytearray(stamp) * self._count
        rows = np.frombuffer(data, np.uint8).reshape(self._count, len(stamp))
        rows[:, len(head) : len(head) + self._digits] = self._columns
        ends = np.arange(0, len(data) + 1, len(stamp), dtype=np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), self._count, buffers)

    @cached_property
    def _columns(self) -> np.ndarray[Any, Any]:
        """A byte for each digit of each row, where all have as many."""
        digits = np.frombuffer(value_bytes(self.texts), np.uint8)
        return digits.reshape(self._count, self._digits)
