"""Text as the inside of `<t>`: legal, escaped, not too long.

XML 1.0 section 2.2 says which characters may stand in it at all; [MS-OI29500] 22.9.2.19 says how
Office reads `_xHHHH_`, and that a carriage return must be written so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from exportapp.xlsx.buffers import at_an_edge, with_entities
from exportapp.xlsx.columns import (
    CellColumn,
    Content,
    byte_range,
    length_range,
    value_bytes,
    without_empty,
)
from exportapp.xlsx.limits import MAX_CELL_UNITS, MAX_LINE_FEEDS, cut_units

REPLACEMENT: Final = "\ufffd"
"""What stands for a character that XML cannot hold."""

ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

ILLEGAL: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\n\r"))
_NONCHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
_LITERAL: Final = r"_(x[0-9A-Fa-f]{4}[_\x00])"


@dataclass(frozen=True)
class Scan:
    """What occurs anywhere in a buffer, so that only columns that need it are worked on."""

    array: pa.Array
    data: bytes
    low: int
    high: int

    @classmethod
    def of(cls, array: pa.Array) -> Scan:
        """Look through all values of a string or large_string array at once."""
        data = value_bytes(array)
        return cls(array, data.to_pybytes(), *byte_range(data))

    @cached_property
    def lengths(self) -> tuple[int, int]:
        """Bytes of the shortest and of the longest text."""
        return length_range(self.array)

    @cached_property
    def controls(self) -> int:
        """How many characters below U+0020 are illegal."""
        if self.low >= 0x20:
            return 0
        return len(self.data) - len(self.data.translate(None, _CONTROLS))

    @cached_property
    def illegal(self) -> bool:
        """Whether any character must be replaced."""
        # The two noncharacters begin with EF in UTF-8.
        rare = self.high >= 0xEF and any(character in self.data for character in _NONCHARACTERS)
        return rare or self.controls > 0

    def count(self, text: str) -> int:
        """How often `text` occurs."""
        return self.data.count(text.encode()) if self.has(text) else 0

    def has(self, text: str) -> bool:
        """Whether `text` occurs."""
        # One byte is looked for at the speed of memory, two together are not.
        return text[0].encode() in self.data and text.encode() in self.data


def text_content(array: pa.Array, column: CellColumn) -> Content:
    """The text cells of a TEXT column; empty text has none."""
    if pa.types.is_dictionary(array.type):
        return text_content(array.dictionary, column).take(array.indices)
    value, kept = written(array)
    return Content.texts(value, column, kept)


def written(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Texts as the inside of `<t>`, null for empty ones, and `preserved` of them."""
    array = without_empty(cut(array)).cast(pa.string())
    scan = Scan.of(array)
    array = fewer_lines(array, scan)
    return escape(array, scan), preserved(array, scan)


def cut(array: pa.Array) -> pa.Array:
    """The texts with those over 32,767 UTF-16 units cut between two characters."""
    # No text has more UTF-16 units than UTF-8 bytes.
    if length_range(array)[1] <= MAX_CELL_UNITS:
        return array
    long = pc.fill_null(pc.greater(pc.binary_length(array), MAX_CELL_UNITS), False)
    shorter = [cut_units(text.as_py(), MAX_CELL_UNITS) for text in array.filter(long)]
    return pc.replace_with_mask(array, long, pa.array(shorter, array.type))


def fewer_lines(array: pa.Array, scan: Scan) -> pa.Array:
    """The texts with a space for every line feed after the 253rd: no letter is lost."""
    many = many_lines(array, scan)
    if many is None:
        return array
    folded = [_fold(text.as_py()) for text in array.filter(many)]
    return pc.replace_with_mask(array, many, pa.array(folded, array.type))


def many_lines(array: pa.Array, scan: Scan) -> pa.Array | None:
    """Which texts have more line feeds than a cell may; None for none of them."""
    if scan.count("\n") <= MAX_LINE_FEEDS:
        return None
    many = pc.fill_null(pc.greater(pc.count_substring(array, "\n"), MAX_LINE_FEEDS), False)
    return many if pc.any(many).as_py() else None


def escape(array: pa.Array, scan: Scan) -> pa.Array:
    """The texts as XML character data that Office reads back as they were."""
    found = {character: entity for character, entity in ESCAPES.items() if scan.has(character)}
    return with_entities(escape_office(array, scan), found)


def escape_office(array: pa.Array, scan: Scan) -> pa.Array:
    """The texts with U+FFFD for illegal characters, and `_xHHHH_` where Office needs it."""
    if scan.illegal:
        array = pc.replace_substring_regex(array, ILLEGAL, REPLACEMENT)
    if scan.has("_x"):
        array = _escape_literals(array)
    if scan.has("\r"):
        array = pc.replace_substring(array, "\r", "_x000D_")
    return array


def clean(text: str) -> str:
    """One text made legal and escaped for Office; the XML writer adds `&amp;` and the like."""
    # A lone surrogate cannot be encoded; "replace" alone would leave "?".
    legal = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    array = pa.array([cut_units(legal, MAX_CELL_UNITS)], pa.string())
    return str(escape_office(array, Scan.of(array))[0].as_py())


def preserved(array: pa.Array, scan: Scan) -> pa.Array | None:
    """Which texts a reader may trim or fold unless told not to; None for none of them."""
    folded = scan.has("\t") or scan.has("\n")
    if not folded and not scan.has(" "):
        return None
    mask = pa.array(at_an_edge(array, " "))
    if folded:
        mask = pc.or_(mask, pc.fill_null(pc.match_substring_regex(array, r"[\t\n]"), False))
    return mask if pc.any(mask).as_py() else None


def illegal_count(array: pa.Array) -> int:
    """How many texts of an array have a character that XML cannot hold."""
    return pc.sum(pc.match_substring_regex(array, ILLEGAL)).as_py() or 0


def _fold(text: str) -> str:
    *lines, rest = text.split("\n", MAX_LINE_FEEDS)
    return "\n".join([*lines, rest.replace("\n", " ")])


def _escape_literals(array: pa.Array) -> pa.Array:
    # Matches may share an underscore, as in _x0041_x0042_, and RE2 has no look-ahead: the first
    # pass takes every other one of such a chain, the second the rest. NUL is free to stand for
    # the escaped underscore because it has been replaced before.
    for _ in range(2):
        array = pc.replace_substring_regex(array, _LITERAL, "\x00\\1")
    return pc.replace_substring(array, "\x00", "_x005F_")
