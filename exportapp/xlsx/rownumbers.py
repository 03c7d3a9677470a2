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

from exportapp.xlsx.columns import join


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

    def between(self, *texts: str) -> pa.Array:
        """The texts of each row, with its number between any two."""
        if not self._count or len(str(self._first + self._count - 1)) != self._digits:
            numbered = [piece for text in texts for piece in (self.texts, text)]
            return join(numbered[1:])
        parts = [text.encode() for text in texts]
        stamp = bytes(self._digits).join(parts)
        data = bytearray(stamp) * self._count
        at = 0
        for part in parts[:-1]:
            at += len(part)
            for digits in self._columns:
                np.ndarray((self._count,), digits.dtype, data, at, (len(stamp),))[:] = digits
                at += digits.itemsize
        ends = np.arange(0, len(data) + 1, len(stamp), dtype=np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), self._count, buffers)

    @cached_property
    def _columns(self) -> list[np.ndarray[Any, Any]]:
        """The digits of each row, where all have as many: eight, four, two or one at a time."""
        # Numbers of these lengths are copied by one instruction, those of others in a loop.
        sizes = [size for size in (8, 4, 2, 1) if self._digits & size]
        groups = [np.empty((self._count, size), np.uint8) for size in sizes]
        numbers = np.arange(self._first, self._first + self._count, dtype=np.uint32)
        for place in reversed([column for group in groups for column in group.T]):
            rest = numbers // 10
            place[:] = numbers - 10 * rest + ord("0")
            numbers = rest
        return [group.view(f"u{group.shape[1]}").ravel() for group in groups]
