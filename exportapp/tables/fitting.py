"""Values of filters that their columns can have.

What is beyond them would match nothing, or fail in the database, on each in another way. A value of
another type is left to Django, which says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from django.db import connections, models, router
from django.db.models.constants import LOOKUP_SEP
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from exportapp.exceptions import RequestRefused
from exportapp.tables.paths import steps

Rule: TypeAlias = tuple[Callable[[str], bool], str]
"""Whether a text fits, and what would."""

PARTS: Final = {
    # The admin's own bar of dates looks at the year after.
    **dict.fromkeys(("year", "iso_year"), (1, 9998)),
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    **dict.fromkeys(("week_day", "iso_week_day"), (1, 7)),
    "hour": (0, 23),
    **dict.fromkeys(("minute", "second"), (0, 59)),
}
"""The smallest and the largest value of each part of a date or time."""

COMPARED: Final = frozenset({"exact", "iexact", "gt", "gte", "lt", "lte", "in", "range"})

SEARCHED: Final = COMPARED | {
    f"{case}{lookup}" for case in ("", "i") for lookup in ("contains", "startswith", "endswith")
}
"""No text that is longer than its column is part of one in it either."""

TRUTHS: Final = frozenset({"true", "false", "1", "0", ""})

LISTS: Final = frozenset({"in", "range"})


def require_fitting(model: type[models.Model], query: Mapping[str, Sequence[str]]) -> None:
    """Raises RequestRefused for the first value that its column cannot have."""
    for name, values in query.items():
        found = steps(model, name)
        lookups = name.split(LOOKUP_SEP)[len(found) :] or ["exact"]
        rule = _rule(found[-1], lookups) if found else None
        if rule is None:
            continue
        fits, valid = rule
        for text in _single(values, lookups[-1]):
            if not fits(text):
                told = _("The filter '{name}' cannot be '{value}'. Valid: {valid}.")
                shown = text if len(text) <= 100 else f"{text[:100]}…"
                raise RequestRefused(told.format(name=name, value=shown, valid=valid))


def _rule(field: Any, lookups: list[str]) -> Rule | None:
    if lookups == ["isnull"]:
        return (lambda text: text.lower() in TRUTHS), "true, false"
    if lookups[0] in PARTS and set(lookups[1:]) <= COMPARED:
        return _whole(*PARTS[lookups[0]])
    if len(lookups) > 1:
        return None
    return _rule_of_column(_column(field), lookups[0])


def _rule_of_column(column: Any, lookup: str) -> Rule | None:
    if isinstance(column, models.CharField) and column.max_length and lookup in SEARCHED:
        most = column.max_length
        valid = _("texts of up to {most} characters").format(most=most)
        return (lambda text: len(text) <= most), valid
    if lookup not in COMPARED:
        return None
    if isinstance(column, models.IntegerField):
        operations = connections[router.db_for_read(column.model)].ops
        with suppress(KeyError):
            return _whole(*operations.integer_field_range(column.get_internal_type()))
    if isinstance(column, models.DecimalField):
        digits = column.max_digits - column.decimal_places
        valid = _("numbers of up to {most} digits before the point").format(most=digits)
        return (lambda text: _has_digits(text, digits)), valid
    if isinstance(column, models.FloatField):
        return _is_finite, _("finite numbers")
    if isinstance(column, models.DateTimeField):
        return _is_moment, _("moments of the years 1 to 9999 in UTC")
    return None


def _column(field: Any) -> Any:
    """The column that is compared with a value of `field`."""
    while field.is_relation:
        target = getattr(field, "target_field", None)
        if target is None and field.related_model is None:
            return None
        field = target or field.related_model._meta.pk
    return field


def _single(values: Sequence[str], lookup: str) -> Iterator[str]:
    for value in values:
        yield from value.split(",") if lookup in LISTS else [value]


def _whole(least: int | None, most: int | None) -> Rule:
    def fits(text: str) -> bool:
        try:
            number = int(text)
        except ValueError:
            return True
        return (least is None or least <= number) and (most is None or number <= most)

    return fits, _("whole numbers from {least} to {most}").format(least=least, most=most)


def _has_digits(text: str, digits: int) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return True
    return not number.is_finite() or not number or number.adjusted() < digits


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True


def _is_moment(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return True
    if moment is None:
        return True
    try:
        (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).astimezone(UTC)
    except OverflowError:
        return False
    return True
