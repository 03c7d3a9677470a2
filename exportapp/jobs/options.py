"""How the file of an export is to be: its format, and what that format lets one choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from django.utils.translation import gettext as _

from exportapp.conf import conf
from exportapp.exceptions import RequestRefused, UnknownName
from exportapp.jobs.filenames import stem

XLSX: Final = "xlsx"
CSV: Final = "csv"
PARQUET: Final = "parquet"

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "format": (XLSX, CSV, PARQUET),
    "strings": ("inline", "auto", "shared"),
    "formulas": ("escape", "keep"),
    "delimiter": (",", ";", "\t", "|"),
}
"""The options that take one of these; the others are true or false, but for the file's name."""

OF_FORMAT: Final = {
    "compact": XLSX,
    "strings": XLSX,
    "verify": XLSX,
    "bom": CSV,
    "delimiter": CSV,
    "formulas": CSV,
    "gzip": CSV,
}
"""The options that only one format has."""

_TRUTH: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    format: str = XLSX
    compact: bool = False
    """Cells without their references: smaller, and some readers cannot read it."""
    strings: str = "inline"
    """Where texts are: inline, auto (few distinct ones are shared) or shared."""
    verify: bool = False
    """Read the finished file back before it is handed out."""
    bom: bool = True
    """Whether a CSV begins with UTF-8's byte order mark, which Excel needs to know UTF-8 by."""
    delimiter: str = ","
    formulas: str = "escape"
    """escape puts an apostrophe before a text that a spreadsheet would take for a formula."""
    gzip: bool = False
    filename: str = ""
    """What the file is called, without its ending; empty is what the export calls it."""

    @classmethod
    def asked(cls, given: Mapping[str, Any] | None = None) -> Self:
        """What `given` says; the setting OPTIONS where it is silent.

        Raises RequestRefused (UnknownName) for an option that there is not, a value that it does
        not take, and an option of another format.
        """
        chosen = said(given or {})
        found = cls(**_valid(conf.OPTIONS) | chosen)
        foreign = [name for name, format in OF_FORMAT.items() if format != found.format]
        plain = cls()
        return replace(found, **{name: getattr(plain, name) for name in foreign})

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults."""
        plain = type(self)()
        names = [option.name for option in fields(self)]
        changed = {name: getattr(self, name) for name in names}
        return {name: value for name, value in changed.items() if value != getattr(plain, name)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


NAMES: Final = tuple(option.name for option in fields(Options))


def said(given: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody says, checked and typed. Raises as `Options.asked` does."""
    valid = _valid(given)
    format = valid.get("format", _valid(conf.OPTIONS).get("format", XLSX))
    for name in valid:
        if OF_FORMAT.get(name, format) != format:
            raise RequestRefused(
                _("'{name}' is an option of {format}; the format is {chosen}.").format(
                    name=name, format=OF_FORMAT[name], chosen=format
                )
            )
    return valid


def _valid(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> Any:
    if name not in NAMES:
        raise UnknownName("option", name, NAMES)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise UnknownName(name, str(value), CHOICES[name])
        return value
    if name == "filename":
        return stem(str(value))
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _TRUTH:
        raise UnknownName(name, str(value), ("true", "false"))
    return _TRUTH[str(value).lower()]
