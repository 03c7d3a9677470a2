"""Names of files that are safe wherever they go: on a disk, in a zip, in a header.

Titles come from developers, sheets' titles and parameters from people, and what the database
has may have been changed by somebody else.
"""

from __future__ import annotations

from typing import Final

from django.core.exceptions import SuspiciousFileOperation
from django.utils.text import get_valid_filename

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


def safe_filename(wanted: str, most: int = MOST_BYTES) -> str:
    """The nearest name that is one: letters, digits, ".", "-" and "_", and no device of Windows."""
    try:
        name = get_valid_filename(wanted).lstrip(".-")
    except SuspiciousFileOperation:
        name = ""
    stem, _dot, _endings = name.partition(".")
    if not stem or stem.lower() in RESERVED:
        name = f"{OTHERWISE}-{name}" if name else OTHERWISE
    if len(name.encode()) <= most:
        return name
    end = name[-KEPT:]
    return name.encode()[: most - len(end.encode())].decode(errors="ignore") + end
