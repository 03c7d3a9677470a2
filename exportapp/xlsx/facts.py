"""What the layout must know of a column before a row of it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import Kind, decoded, length_range
from exportapp.xlsx.escape import Scan, illegal_count
from exportapp.xlsx.limits import MAX_CELL_UNITS
from exportapp.xlsx.numbers import long_numbers, not_numbers

MIN_WIDTH: Final = 8.0
MAX_WIDTH: Final = 60.0
"""Widths in characters of the default font's digits (ECMA-376 18.3.1.13)."""

FIXED_WIDTHS: Final = {
    Kind.FLOAT: len("1234567.8901"),
    Kind.BOOLEAN: len("FALSE"),
    Kind.DATE: len("2026-01-31"),
    Kind.DATETIME: len("2026-01-31 12:30:45"),
    Kind.TIME: len("12:30:45"),
    Kind.DURATION: len("-123:30:45"),
}
"""Characters shown whatever the value is, because the number format says so."""

_PADDING: Final = 2
_FILTER_BUTTON: Final = 3

# Hangul Jamo, CJK and Hangul blocks, compatibility and full-width forms, emoji: the ranges that
# UAX #11 calls wide, coarsely.
_WIDE: Final = (
    r"[\x{1100}-\x{115F}\x{2E80}-\x{A4CF}\x{AC00}-\x{D7A3}\x{F900}-\x{FAFF}"
    r"\x{FE30}-\x{FE6F}\x{FF01}-\x{FF60}\x{FFE0}-\x{FFE6}\x{1F300}-\x{1FAFF}\x{20000}-\x{3FFFD}]"
)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """Facts of some rows of a column; those of all rows are their `merge`."""

    count: int = 0
    """Values that are not null."""
    width: int = 0
    """Characters of the widest value as shown; full-width ones count double."""
    long_numbers: int = 0
    """INTEGER and DECIMAL values with more than 15 significant digits."""
    cut: int = 0
    """Texts over 32,767 UTF-16 units."""
    replaced: int = 0
    """Texts with characters that XML cannot hold."""
    non_finite: int = 0
    """Values of a number column that are no number: NaN and the infinities."""

    def merge(self, other: ColumnFacts) -> ColumnFacts:
        """The facts of these and those rows together."""
        return ColumnFacts(
            count=self.count + other.count,
            width=max(self.width, other.width),
            long_numbers=self.long_numbers + other.long_numbers,
            cut=self.cut + other.cut,
            replaced=self.replaced + other.replaced,
            non_finite=self.non_finite + other.non_finite,
        )

    def to_json(self) -> list[int]:
        """The facts in the order of the fields."""
        return list(astuple(self))

    @classmethod
    def from_json(cls, values: Sequence[int]) -> ColumnFacts:
        """What `to_json` was called on."""
        return cls(*values)


def column_facts(array: pa.Array, kind: Kind, scan: Scan | None = None) -> ColumnFacts:
    """The facts of one column of a batch, stored as `Kind` says; `scan` is of its texts."""
    if kind is Kind.TEXT:
        facts = _text_facts(scan or Scan.of(decoded(array)))
    else:
        facts = _FACTS[kind](array) if kind in _FACTS else ColumnFacts()
    count = len(array) - array.null_count
    width = FIXED_WIDTHS.get(kind, facts.width) if count else 0
    return replace(facts, count=count, width=width)


def decide_width(title: str, facts: ColumnFacts) -> float:
    """The column's width in characters, from 8 to 60, with room for the filter's button."""
    shown = sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in title)
    return min(MAX_WIDTH, max(MIN_WIDTH, shown + _FILTER_BUTTON, float(facts.width + _PADDING)))


def needs_text(facts: ColumnFacts) -> bool:
    """Whether a number column must be text throughout because one value is too long for it."""
    return facts.long_numbers > 0


def _text_facts(scan: Scan) -> ColumnFacts:
    return ColumnFacts(
        width=_widest(scan),
        cut=_cut_count(scan),
        replaced=illegal_count(scan.array) if scan.illegal else 0,
    )


def _exact_facts(array: pa.Array) -> ColumnFacts:
    refused = None
    if pa.types.is_integer(array.type):
        seen = pc.min_max(array).as_py()
        width = max(len(str(seen["min"])), len(str(seen["max"])))
    else:
        width = length_range(array)[1]
        refused = not_numbers(array)
    return ColumnFacts(
        width=width, long_numbers=_count(long_numbers(array)), non_finite=_count(refused)
    )


def _float_facts(array: pa.Array) -> ColumnFacts:
    return ColumnFacts(non_finite=_count(pc.invert(pc.is_finite(array))))


def _widest(scan: Scan) -> int:
    if scan.high < 0x80:
        return scan.lengths[1]
    lengths = pc.utf8_length(scan.array)
    longest = pc.max(lengths).as_py() or 0
    # Every wide character begins with a byte from E1 on in UTF-8.
    if scan.high < 0xE1:
        return longest
    # Only a text of over half the length can be the widest.
    may_be = pc.greater(lengths, longest // 2)
    array, lengths = scan.array.filter(may_be), lengths.filter(may_be)
    wide = pc.count_substring_regex(array, _WIDE).cast(lengths.type)
    return pc.max(pc.add(lengths, wide)).as_py() or 0


def _cut_count(scan: Scan) -> int:
    if scan.lengths[1] <= MAX_CELL_UNITS:
        return 0
    suspects = scan.array.filter(pc.greater(pc.binary_length(scan.array), MAX_CELL_UNITS))
    return sum(len(text.as_py().encode("utf-16-le")) > 2 * MAX_CELL_UNITS for text in suspects)


def _count(mask: pa.Array | None) -> int:
    return 0 if mask is None else pc.sum(mask).as_py() or 0


_FACTS: Final[dict[Kind, Callable[[pa.Array], ColumnFacts]]] = {
    Kind.INTEGER: _exact_facts,
    Kind.DECIMAL: _exact_facts,
    Kind.FLOAT: _float_facts,
}
