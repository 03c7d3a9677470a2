"""What a person calls a file: a name that every system can keep, without its ending."""

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
