"""Names of files that are safe wherever they go: on a disk, in a zip, in a header.

What a person writes is refused where no system could keep it. Titles of developers and of sheets
become the nearest name that is one, and so does what the database has: somebody else may have
changed it.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused

NAME_LENGTH: Final = 150
"""Characters; endings, and the numbers of several files, come behind it."""

FORBIDDEN: Final = frozenset('/\\<>:"|?*')
"""Separators of paths, and what Windows takes in no name (learn.microsoft.com, "Naming Files")."""

TURNS: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Explicit directions of text (UAX #9)."""

ENDINGS: Final = (".gz", ".xlsx", ".csv", ".parquet")
"""A person may write them; the format decides which it is."""

MOST_BYTES: Final = 220
"""Of UTF-8. A file system takes 255, and a file that is being written has more behind its name."""

MOST_OF_JOB: Final = 150
"""The same for an export's own name: those of its files have a number or a title behind it."""

KEPT: Final = 20
"""Characters at the end of a name that is cut: "-manifest.json", a number, endings."""

OTHERWISE: Final = "export"

RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789\u00b9\u00b2\u00b3"}
)
"""Devices, whatever their ending. Source: Microsoft, Naming Files, Paths, and Namespaces."""


def stem(given: str) -> str:
    """The name without its ending; empty where none was given. Raises RequestRefused."""
    name = given.strip()
    bad = sorted({letter for letter in name if _is_bad(letter)})
    if bad:
        raise RequestRefused(
            _("The file name {name} cannot have {letters}.").format(
                name=ascii(name) if any(map(_is_control, bad)) else f"\u201c{name}\u201d",
                letters=" ".join(ascii(x)[1:-1] if _is_control(x) else x for x in bad),
            )
        )
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    # Windows drops dots and blanks at the end, Unix hides what begins with a dot.
    plain = name.strip(". ")
    if given.strip() and not plain:
        raise RequestRefused(_("The file name “{name}” has no letter.").format(name=given.strip()))
    if len(plain) > NAME_LENGTH:
        raise RequestRefused(
            _("The file name “{name}…” has {count} characters. Valid: up to {most}.").format(
                name=plain[:30], count=len(plain), most=NAME_LENGTH
            )
        )
    return plain


def _is_bad(letter: str) -> bool:
    return letter in FORBIDDEN or _is_control(letter)


def _is_control(letter: str) -> bool:
    """Also the marks that turn the direction of text, which can hide an ending."""
    turns = unicodedata.bidirectional(letter) in TURNS
    return turns or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def safe_filename(wanted: str, most: int = MOST_BYTES) -> str:
    """The nearest name that is one, of at most `most` bytes: no path, and no device of Windows."""
    name = "".join(letter for letter in wanted if not _is_bad(letter) and not _is_unseen(letter))
    name = name.strip(" ").lstrip(".- ").rstrip(". ")
    first = name.partition(".")[0].rstrip(" ")
    if not first or first.lower() in RESERVED:
        name = f"{OTHERWISE}-{name}" if name else OTHERWISE
    if len(name.encode()) <= most:
        return name
    end = name[-KEPT:]
    begin = name.encode()[: most - len(end.encode())].decode(errors="ignore")
    return begin.rstrip(". ") + end


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf"
