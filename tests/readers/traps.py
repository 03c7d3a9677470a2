"""What has gone wrong in spreadsheets before: a value, and the cell that must come of it.

Both sides are written by hand. None on the right means that there is no cell. Columns stand side
by side in the gallery, so a row of it has the n-th trap of every column.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from exportapp.xlsx import Kind


class Trap(NamedTuple):
    name: str
    value: Any
    """What the database or a function gives."""
    cell: Any
    """What a reader must see."""


def kept(*texts: tuple[str, str]) -> Iterable[Trap]:
    """Texts that must leave as they came."""
    return [Trap(name, text, text) for name, text in texts]


TEXT = [
    *kept(
        ("markup", "<b a=\"1\" c='2'>&amp;</b> ]]> &#10;"),
        ("C1 control characters, legal in XML", "a\x7fb\x85c\x9f"),
        ("carriage return", "a\rb"),
        ("carriage return and line feed", "a\r\nb"),
        ("line feed", "\na\n\nb\n"),
        ("tab", "\ta\tb\t"),
        ("escape written out", "_x0041_"),
        ("escapes that share an underscore", "_x0041_x0042_x000D_"),
        ("escaped underscore written out", "_x005F_x0041_ _x005f_"),
        ("nearly an escape", "_x41_ _x004G_ _x0041 x0041_"),
        ("edge spaces", "  a  b  "),
        ("nothing but spaces", "   "),
        ("edges that are no-break spaces", "\u00a0a\u00a0"),
        ("formula", "=1+1"),
        ("array formula", "{=1+1}"),
        ("dynamic data exchange", "=cmd|' /C calc'!A0"),
        ("at sign", "@SUM(1,1)"),
        ("plus", "+1+1"),
        ("minus", "-1+1"),
        ("apostrophe first", "'1"),
        ("leading zeros", "007"),
        ("card number", "4111111111111111"),
        ("twenty digits", "12345678901234567890"),
        ("looks like a power of ten", "1E5"),
        ("looks like a truth value", "TRUE"),
        ("looks like a date", "2026-01-31"),
        ("looks like an error", "#N/A"),
        ("looks like nothing", "NULL"),
        ("right to left", "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 123"),
        ("direction marks", "\u202eabc\u202c\u200f"),
        ("combining marks are not composed", "e\u0301 n\u0303 \u1112\u1161\u11ab"),
        ("joined emoji and flags", "\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f"),
        ("no width at all", "a\u200bb\ufeff"),
        ("line and paragraph separator", "a\u2028b\u2029c"),
        ("longer address than a link may have", "https://example.com/?q=" + "%20" * 1_000),
        ("longest text", "\u00e9" * 32_767),
    ),
    Trap("control characters", "a\x00b\x01c\x0bd\x1f", "a\ufffdb\ufffdc\ufffdd\ufffd"),
    Trap("noncharacters", "a\ufffeb\uffff", "a\ufffdb\ufffd"),
    Trap("too long", "\u00e9" * 40_000, "\u00e9" * 32_767),
    Trap(
        "too long, and a pair of surrogates at the end", "x" * 32_766 + "\U0001f600", "x" * 32_766
    ),
    Trap("as many lines as a cell may have", "\n".join("a" * 254), "\n".join("a" * 254)),
    Trap("too many lines", "\n".join("a" * 300), "\n".join("a" * 254) + " a" * 46),
    Trap("empty", "", None),
    Trap("null", None, None),
]

INTEGER = [
    Trap("zero", 0, 0),
    Trap("negative", -1, -1),
    Trap("fifteen digits", 999_999_999_999_999, 999_999_999_999_999),
    Trap("fifteen digits, negative", -999_999_999_999_999, -999_999_999_999_999),
    Trap("null", None, None),
]

LONG_INTEGER = [
    Trap("sixteen digits", 1_000_000_000_000_000, "1000000000000000"),
    Trap("2**53", 9_007_199_254_740_992, "9007199254740992"),
    Trap("2**53 + 1, no double", 9_007_199_254_740_993, "9007199254740993"),
    Trap("largest of 64 bits", 2**63 - 1, "9223372036854775807"),
    Trap("smallest of 64 bits", -(2**63), "-9223372036854775808"),
    Trap("short one beside long ones", 7, "7"),
    Trap("null", None, None),
]

DECIMAL = [
    Trap("zero with an exponent", Decimal("0E-8"), 0),
    Trap("places", Decimal("1234.50"), 1234.5),
    Trap("negative", Decimal("-0.01"), -0.01),
    Trap("fifteen digits", Decimal("12345678901.2345"), 12345678901.2345),
    Trap("small", Decimal("1E-15"), 1e-15),
    Trap("null", None, None),
]

LONG_DECIMAL = [
    Trap("28 digits", Decimal("1234567890123456789012345.678"), "1234567890123456789012345.678"),
    Trap("16 digits", Decimal("-123456789012345.6"), "-123456789012345.6"),
    Trap("short one beside long ones", Decimal("1.50"), "1.50"),
]

FLOAT = [
    Trap("no finite binary fraction", 0.1, 0.1),
    Trap("seventeen digits", 0.30000000000000004, 0.30000000000000004),
    Trap("largest", 1.7976931348623157e308, 1.7976931348623157e308),
    Trap("smallest normal", 2.2250738585072014e-308, 2.2250738585072014e-308),
    Trap("smallest of all", 5e-324, 5e-324),
    Trap("zero", 0.0, 0),
    Trap("negative zero", -0.0, 0),
    Trap("not a number", float("nan"), "NaN"),
    Trap("infinity", float("inf"), "Infinity"),
    Trap("negative infinity", float("-inf"), "-Infinity"),
    Trap("null", None, None),
]

BOOLEAN = [Trap("true", True, True), Trap("false", False, False), Trap("null", None, None)]

DAY = [
    Trap("leap day", date(2024, 2, 29), date(2024, 2, 29)),
    Trap("first day that all readers agree on", date(1900, 3, 1), date(1900, 3, 1)),
    Trap("beside the day that never was", date(1900, 2, 28), "1900-02-28"),
    Trap("serial 1", date(1900, 1, 1), "1900-01-01"),
    Trap("first", date.min, "0001-01-01"),
    Trap("last", date.max, date.max),
    Trap("null", None, None),
]

# Seen in Berlin.
MOMENT = [
    Trap(
        "summer time",
        datetime(2026, 7, 1, 12, tzinfo=UTC),
        datetime(2026, 7, 1, 14),
    ),
    Trap(
        "winter time, milliseconds",
        datetime(2026, 1, 31, 23, 30, 0, 125_000, tzinfo=UTC),
        datetime(2026, 2, 1, 0, 30, 0, 125_000),
    ),
    Trap("first", datetime.min.replace(tzinfo=UTC), "0001-01-01T00:53:28"),
    Trap("last", datetime.max.replace(tzinfo=UTC), "10000-01-01T00:59:59.999999"),
    Trap(
        "last second on the wall",
        datetime(9999, 12, 31, 22, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59),
    ),
    Trap("null", None, None),
]

CLOCK = [
    Trap("midnight", time(), time()),
    Trap("afternoon", time(15, 4, 5), time(15, 4, 5)),
    Trap("last second", time(23, 59, 59), time(23, 59, 59)),
    Trap("null", None, None),
]

SPAN = [
    Trap("minute and a half", timedelta(seconds=90), timedelta(seconds=90)),
    Trap("a hundred days", timedelta(days=100, hours=1), timedelta(days=100, hours=1)),
    Trap("before serial 60", timedelta(days=59, hours=12), timedelta(days=59, hours=12)),
    Trap("negative", timedelta(hours=-30), timedelta(hours=-30)),
    Trap("none at all", timedelta(), timedelta()),
    Trap("null", None, None),
]

CANONICAL = [
    Trap(
        "UUID",
        uuid.UUID("0E8C4E7A-0000-4000-8000-00000000000F"),
        "0e8c4e7a-0000-4000-8000-00000000000f",
    ),
    Trap("JSON", {"b": [1, None, "\u00e9 <"], "a": {}}, '{"b":[1,null,"\u00e9 <"],"a":{}}'),
    Trap("list", ["=1", 2], '["=1",2]'),
    Trap("bytes", b"\x00\xff", "00ff"),
]

COLUMNS: dict[str, tuple[Kind, list[Trap]]] = {
    "text": (Kind.TEXT, TEXT),
    "integer": (Kind.INTEGER, INTEGER),
    "long integer": (Kind.INTEGER, LONG_INTEGER),
    "decimal": (Kind.DECIMAL, DECIMAL),
    "long decimal": (Kind.DECIMAL, LONG_DECIMAL),
    "float": (Kind.FLOAT, FLOAT),
    "boolean": (Kind.BOOLEAN, BOOLEAN),
    "day": (Kind.DATE, DAY),
    "moment": (Kind.DATETIME, MOMENT),
    "clock": (Kind.TIME, CLOCK),
    "span": (Kind.DURATION, SPAN),
    "canonical": (Kind.TEXT, CANONICAL),
}
"""The kind of each column and its traps, by title."""

ROWS = max(len(traps) for _, traps in COLUMNS.values())
