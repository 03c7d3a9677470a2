"""The CRC-32 of two texts end to end, from theirs alone (PKZIP APPNOTE 4.4.7).

Appending a byte to a text takes its CRC through a linear map over GF(2). Appending `length` bytes
is that map to the power of `length`, found by squaring.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Matrix: TypeAlias = "tuple[int, ...]"
"""32 columns of 32 bits: column n is where bit n goes."""

POLYNOMIAL: Final = 0xEDB8_8320
"""CRC-32's polynomial, lowest power in the highest bit."""

_SHIFT_BIT: Final[Matrix] = (POLYNOMIAL, *(1 << bit for bit in range(31)))


def crc32_combine(first: int, second: int, length: int) -> int:
    """The CRC of a text followed by another of `length` bytes, from the CRC of each."""
    power = _square(_square(_square(_SHIFT_BIT)))
    while length:
        if length & 1:
            first = _apply(power, first)
        power = _square(power)
        length >>= 1
    return first ^ second


def _apply(matrix: Matrix, vector: int) -> int:
    image = 0
    for column in matrix:
        if vector & 1:
            image ^= column
        vector >>= 1
    return image


def _square(matrix: Matrix) -> Matrix:
    return tuple(_apply(matrix, column) for column in matrix)
