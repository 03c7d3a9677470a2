"""The values of exportapp's own settings, and names that are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any, Final, get_args

from django.conf import settings
from django.core.checks import CheckMessage

from exportapp.checks.words import message
from exportapp.conf import Settings, conf
from exportapp.exceptions import RequestRefused
from exportapp.jobs.errors import named_rules
from exportapp.jobs.options import NAMES, Options
from exportapp.jobs.throttle import named_throttle
from exportapp.models import Consistency
from exportapp.tables.readers import Policy
from exportapp.xlsx import MAX_ROWS

PREFIX: Final = "EXPORTAPP_"
CHOICES: Final = {
    "BAD_VALUES": get_args(Policy),
    "CONSISTENCY": tuple(Consistency.values),
    "READER": ("auto", "orm"),
    "SPOOL_COMPRESSION": ("none", "lz4", "zstd"),
}
RANGES: Final[dict[str, tuple[float, float]]] = {
    # ISA-L has four levels, zlib ten.
    "DEFLATE_LEVEL": (0, 3 if find_spec("isal") else 9),
    # One row is the header's.
    "SHEET_ROWS": (1, MAX_ROWS - 1),
    # Amazon S3 User Guide, "Amazon S3 multipart upload limits".
    "UPLOAD_PART_BYTES": (5 * 2**20, 5 * 2**30),
    # A signature of version 4 is good for a week at most.
    "LINK_SECONDS": (1, 7 * 24 * 3600),
}
"""The smallest and the largest value; any other number must be above 0."""

OPTIONAL: Final = frozenset({"RUNNING_PER_PERSON", "SSE_PER_PERSON"})
"""Numbers that may be None although they are one by default."""

RATE: Final = re.compile(r"[1-9]\d*/(s|sec|m|min|h|hour|d|day)")

SHORTER: Final = {
    "BEAT_SECONDS": "LEASE_SECONDS",
    "SLICE_SECONDS": "JOB_TIMEOUT",
    "SNAPSHOT_SECONDS": "JOB_TIMEOUT",
}
"""Each must be less than the other: else leases of the living run out, and RQ kills good work."""

PATHS: Final[dict[str, tuple[Callable[[str], Any], str]]] = {
    "ERRORS": (named_rules, "a row of the table of errors, several, or a function"),
    "THROTTLE": (named_throttle, "a function that takes a job"),
}
"""Settings that name something in the project: what looks it up, and what it must be."""

ELSEWHERE: Final = ("NOTIFY", "SITE_URL", "WEBHOOKS", "WEBHOOK_HOSTS", "CHANNELS", "RESULTS")
"""Settings that `notices` and `surroundings` look at."""


def values_out_of_range() -> Iterator[CheckMessage]:
    for name, default in vars(Settings).items():
        if name in PATHS or name in ELSEWHERE or not name.isupper():
            continue
        if valid := _out_of_range(name, default, getattr(conf, name)):
            yield message("E009", name=PREFIX + name, value=getattr(conf, name), valid=valid)


def values_at_odds() -> Iterator[CheckMessage]:
    for name, other in SHORTER.items():
        value, limit = getattr(conf, name), getattr(conf, other)
        if _is_number(value) and _is_number(limit) and value >= limit:
            yield message(
                "E010", name=PREFIX + name, value=value, other=PREFIX + other, limit=limit
            )


def paths_wrong() -> Iterator[CheckMessage]:
    for name, (find, valid) in PATHS.items():
        value = getattr(conf, name)
        several = isinstance(value, list | tuple) and isinstance(vars(Settings)[name], tuple)
        for path in value if several else [value] * (value is not None):
            error = _unusable(path, find)
            if error:
                yield message("E012", name=PREFIX + name, path=path, error=error, valid=valid)


def names_unknown() -> Iterator[CheckMessage]:
    valid = [PREFIX + name for name in vars(Settings) if name.isupper()]
    for name in dir(settings):
        if name.startswith(PREFIX) and name not in valid:
            close = get_close_matches(name, valid, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            yield message("W001", name=name, guess=guess, valid=", ".join(valid))


def _unusable(path: Any, find: Callable[[str], Any]) -> str:
    """What is wrong with a dotted path; empty when nothing is."""
    if not isinstance(path, str):
        return "this is no dotted path"
    try:
        find(path)
    except (ImportError, TypeError) as error:
        return str(error)
    return ""


def _out_of_range(name: str, default: Any, value: Any) -> str | None:
    """What would be right, where `value` is wrong."""
    if name in CHOICES:
        return None if value in CHOICES[name] else ", ".join(CHOICES[name])
    if name in OWN_RULES:
        return OWN_RULES[name](value)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "True, False"
    if isinstance(default, str):
        return None if isinstance(value, str) and value else "a name"
    if value is None and (default is None or name in OPTIONAL):
        return None
    least, most = RANGES.get(name, (0, float("inf")))
    fits = _is_number(value) and (least <= value <= most if name in RANGES else value > 0)
    wanted = f"{least} to {most}" if name in RANGES else "a number above 0"
    return None if fits else wanted


def _options_at_odds(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return f"options by name: {', '.join(NAMES)}"
    try:
        Options.asked()
    except RequestRefused as error:
        return str(error)
    return None


def _rates_at_odds(value: Any) -> str | None:
    scopes = vars(Settings)["API_RATES"]
    rates = value.values() if isinstance(value, Mapping) and value.keys() <= scopes.keys() else [0]
    if all(rate is None or RATE.fullmatch(str(rate)) for rate in rates):
        return None
    return f"rates such as '60/min', or None, by scope: {', '.join(scopes)}"


OWN_RULES: Final[dict[str, Callable[[Any], str | None]]] = {
    "OPTIONS": _options_at_odds,
    "API_RATES": _rates_at_odds,
}
"""Settings of many values: what says which would be right, where one is wrong."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
