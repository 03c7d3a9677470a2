"""Which values of a column a sheet cannot hold as they are, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import Kind, decoded
from exportapp.xlsx.escape import ILLEGAL, Scan, many_lines
from exportapp.xlsx.facts import ColumnFacts, cut_texts
from exportapp.xlsx.numbers import not_numbers

TEXT_CUT: Final = "text_cut"
LINES_JOINED: Final = "lines_joined"
CHARACTERS_REPLACED: Final = "characters_replaced"
NOT_FINITE: Final = "not_finite"


def counted(facts: ColumnFacts) -> dict[str, int]:
    """How many values of each code the facts of a column tell of."""
    found = {
        TEXT_CUT: facts.cut,
        LINES_JOINED: facts.many_lines,
        CHARACTERS_REPLACED: facts.replaced,
        NOT_FINITE: facts.non_finite,
    }
    return {code: count for code, count in found.items() if count}


def losses(array: pa.Array, kind: Kind) -> Iterator[tuple[str, list[int]]]:
    """The code of each loss there is, with the positions of its values, as `column_facts` counts.

    Made for the few batches whose facts say that there is one; it looks at every value.
    """
    for code, mask in _masks(array, kind):
        if mask is not None:
            positions = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
            if positions:
                yield code, positions


def _masks(array: pa.Array, kind: Kind) -> Iterator[tuple[str, pa.Array | None]]:
    if kind is Kind.TEXT:
        array = decoded(array)
        scan = Scan.of(array)
        yield TEXT_CUT, cut_texts(scan)
        yield LINES_JOINED, many_lines(array, scan)
        yield CHARACTERS_REPLACED, pc.match_substring_regex(array, ILLEGAL)
    elif kind is Kind.FLOAT:
        yield NOT_FINITE, pc.invert(pc.is_finite(array))
    elif kind in (Kind.INTEGER, Kind.DECIMAL) and not pa.types.is_integer(array.type):
        yield NOT_FINITE, not_numbers(array)
