"""What the layout must know of a column before a row of it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.columns import Kind, decoded, length_range
from exportapp.xlsx.escape import Scan, illegal_count, many_lines
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

MAX_DISTINCT: Final = 256
MAX_DISTINCT_UNITS: Final = 64
MAX_TABLE_UNITS: Final = 4_096
"""How many texts a table of shared strings has, how long each, and all of them, in UTF-16 units.

They stay with the facts of every shard.
"""

_BYTES_OF_UNIT: Final = 3
"""UTF-8 bytes that one UTF-16 unit takes at most."""

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
    many_lines: int = 0
    """Texts with more than 253 line feeds."""
    filled: int = 0
    """Values that are neither null nor an empty text."""
    distinct: tuple[str, ...] | None = ()
    """The texts that there are, in order; None where they are too many or not looked for."""

    def merge(self, other: ColumnFacts) -> ColumnFacts:
        """The facts of these and those rows together."""
        return ColumnFacts(
            count=self.count + other.count,
            width=max(self.width, other.width),
            long_numbers=self.long_numbers + other.long_numbers,
            cut=self.cut + other.cut,
            replaced=self.replaced + other.replaced,
            non_finite=self.non_finite + other.non_finite,
            many_lines=self.many_lines + other.many_lines,
            filled=self.filled + other.filled,
            distinct=_union(self.distinct, other.distinct),
        )

    def to_json(self) -> list[Any]:
        """The numbers in the order of the fields, and the distinct texts if they are known."""
        numbers = [getattr(self, name) for name in NUMBERS]
        return numbers if self.distinct is None else [*numbers, list(self.distinct)]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> ColumnFacts:
        """What `to_json` was called on."""
        known = dict(zip(NUMBERS, values, strict=False))
        texts = values[len(NUMBERS) :]
        return cls(**known, distinct=tuple(texts[0]) if texts else None)


NUMBERS: Final = tuple(each.name for each in fields(ColumnFacts) if each.name != "distinct")
"""The facts that are numbers."""


def column_facts(
    array: pa.Array,
    kind: Kind,
    scan: Scan | None = None,
    *,
    distinct: bool = False,
    known_width: int = 0,
) -> ColumnFacts:
    """The facts of one column of a batch, stored as `Kind` says; `scan` is of its texts.

    Only where `distinct` says so they tell which texts there are. Where rows before have a
    `known_width`, the width of these is exact only if it is more.
    """
    if not len(array):
        return ColumnFacts()
    if kind is Kind.TEXT:
        facts = _text_facts(scan or Scan.of(decoded(array)), distinct, known_width)
    else:
        facts = _FACTS[kind](array) if kind in _FACTS else ColumnFacts()
        facts = replace(facts, distinct=None)
    count = len(array) - array.null_count
    width = FIXED_WIDTHS.get(kind, facts.width) if count else 0
    return replace(facts, count=count, width=width, filled=_filled(array, scan))


def decide_width(title: str, facts: ColumnFacts) -> float:
    """The column's width in characters, from 8 to 60, with room for the filter's button."""
    shown = sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in title)
    return min(MAX_WIDTH, max(MIN_WIDTH, shown + _FILTER_BUTTON, float(facts.width + _PADDING)))


def cut_texts(scan: Scan) -> pa.Array | None:
    """Which texts have over 32,767 UTF-16 units; None for none of them."""
    if scan.lengths[1] <= MAX_CELL_UNITS:
        return None
    may_be = pc.fill_null(pc.greater(pc.binary_length(scan.array), MAX_CELL_UNITS), False)
    suspects = [_is_too_long(text.as_py()) for text in scan.array.filter(may_be)]
    return pc.replace_with_mask(may_be, may_be, pa.array(suspects, pa.bool_()))


def needs_text(facts: ColumnFacts) -> bool:
    """Whether a number column must be text throughout because one value is too long for it."""
    return facts.long_numbers > 0


def shared_table(kind: Kind, facts: ColumnFacts) -> tuple[str, ...]:
    """The texts of a column that are worth a table of shared strings; none where they are not.

    They are when each stands in two rows on average, and there are few.
    """
    texts = facts.distinct or ()
    return texts if kind is Kind.TEXT and facts.filled >= 2 * len(texts) else ()


def _text_facts(scan: Scan, distinct: bool, known: int) -> ColumnFacts:
    return ColumnFacts(
        width=_widest(scan, known),
        cut=_count(cut_texts(scan)),
        replaced=illegal_count(scan.array) if scan.illegal else 0,
        many_lines=_count(many_lines(scan.array, scan)),
        distinct=_distinct(scan) if distinct else None,
    )


def _distinct(scan: Scan) -> tuple[str, ...] | None:
    if scan.lengths[1] > MAX_DISTINCT_UNITS * _BYTES_OF_UNIT:
        return None
    # What has many different texts mostly shows it at once.
    for array in (scan.array.slice(0, 4 * MAX_DISTINCT), scan.array):
        if pc.count_distinct(array).as_py() > MAX_DISTINCT + 1:
            return None
    return _union((), (text for text in pc.unique(scan.array).to_pylist() if text))


def _union(one: Iterable[str] | None, other: Iterable[str] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return None
    texts = tuple(sorted({*one, *other}))
    units = [len(text.encode("utf-16-le")) // 2 for text in texts]
    few = len(texts) <= MAX_DISTINCT and max(units, default=0) <= MAX_DISTINCT_UNITS
    return texts if few and sum(units) <= MAX_TABLE_UNITS else None


def _filled(array: pa.Array, scan: Scan | None) -> int:
    """How many values there are that have a cell."""
    present = len(array) - int(array.null_count)
    texts = scan.array if scan else decoded(array)
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        return present
    shortest = scan.lengths[0] if scan else length_range(texts)[0]
    if shortest:
        return present
    return int(pc.sum(pc.greater(pc.binary_length(texts), 0)).as_py() or 0)


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


def _widest(scan: Scan, known: int) -> int:
    """Characters of the widest text, where that is more than is `known` of others."""
    if scan.high < 0x80:
        return scan.lengths[1]
    lengths = pc.utf8_length(scan.array)
    longest = pc.max(lengths).as_py() or 0
    # Every wide character begins with a byte from E1 on in UTF-8.
    if scan.high < 0xE1:
        return longest
    # A wide character is three bytes or four: so a text is at most as wide as this.
    most = pc.shift_right(pc.add(lengths, pc.binary_length(scan.array)), 1)
    may_be = pc.greater(most, max(longest, known))
    array, lengths = scan.array.filter(may_be), lengths.filter(may_be)
    wide = pc.count_substring_regex(array, _WIDE).cast(lengths.type)
    return max(longest, pc.max(pc.add(lengths, wide)).as_py() or 0)


def _is_too_long(text: str | None) -> bool:
    return text is not None and len(text.encode("utf-16-le")) > 2 * MAX_CELL_UNITS


def _count(mask: pa.Array | None) -> int:
    return 0 if mask is None else pc.sum(mask).as_py() or 0


_FACTS: Final[dict[Kind, Callable[[pa.Array], ColumnFacts]]] = {
    Kind.INTEGER: _exact_facts,
    Kind.DECIMAL: _exact_facts,
    Kind.FLOAT: _float_facts,
}
