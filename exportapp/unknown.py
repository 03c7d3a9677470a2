"""What a refusal says of a name that does not exist: what it names, and what is valid."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SUGGESTED: Final = 20
"""Valid names that a refusal tells at most."""

UNKNOWN: Final[dict[str, Promise]] = {
    "admin site": gettext_lazy("Unknown admin site '{name}'."),
    "channel": gettext_lazy("Unknown channel '{name}'."),
    "column": gettext_lazy("Unknown column '{name}'."),
    "consistency": gettext_lazy("Unknown consistency '{name}'."),
    "export": gettext_lazy("Unknown export '{name}'."),
    "filter": gettext_lazy("Unknown filter '{name}'."),
    "format": gettext_lazy("Unknown format '{name}'."),
    "member": gettext_lazy("Unknown member '{name}'."),
    "model": gettext_lazy("Unknown model '{name}'."),
    "option": gettext_lazy("Unknown option '{name}'."),
    "order": gettext_lazy("Unknown order '{name}'."),
    "parameter": gettext_lazy("Unknown parameter '{name}'."),
    "preset": gettext_lazy("Unknown preset '{name}'."),
    "preset of this source": gettext_lazy("Unknown preset of this source '{name}'."),
    "user": gettext_lazy("Unknown user '{name}'."),
}
"""What a request may name; a value of an option goes by the option's own name."""


def refusal(what: str, name: str, valid: tuple[str, ...]) -> str:
    said = str(UNKNOWN.get(what, _("Unknown {what} '{name}'."))).format(what=what, name=name)
    return " ".join([said, *_suggestions(name, valid)])


def _suggestions(name: str, valid: tuple[str, ...]) -> Iterator[str]:
    for close in get_close_matches(name, valid, n=1):
        yield _("Did you mean '{name}'?").format(name=close)
    shown, more = ", ".join(valid[:SUGGESTED]), len(valid) - SUGGESTED
    if more > 0:
        yield _("Valid: {names} and {count} more.").format(names=shown, count=more)
    elif valid:
        yield _("Valid: {names}.").format(names=shown)
