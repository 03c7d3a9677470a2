"""One value to what its column's kind stores, for values that nobody vouches for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from exportapp.tables.text import to_text
from exportapp.xlsx import Kind

INT64: Final = range(-(2**63), 2**63)
MICROSECOND: Final = timedelta(microseconds=1)


class BadValue(ValueError):
    """A value that has no place in its column."""

    code = "value_unsupported"


class NotFinite(BadValue):
    """It is not a finite number."""

    code = "not_finite"


class OutOfRange(BadValue):
    """It is too large for its kind."""

    code = "out_of_range"


def to_integer(value: Any) -> int:
    try:
        number = int(value)
        exact = isinstance(value, str) or number == value
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(_("It is not a whole number.")) from error
    if not exact:
        raise BadValue(_("It is not a whole number."))
    return number


def to_int64(value: Any) -> int:
    number = to_integer(value)
    if number not in INT64:
        raise OutOfRange(_("It does not fit into 64 bits."))
    return number


def to_digits(value: Any) -> str:
    return str(to_integer(value))


def to_plain_decimal(value: Any) -> str:
    """Plain notation with the places the value has: "0.00000000", never "0E-8"."""
    try:
        # By way of str(), so that a float is the number it is written as.
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation as error:
        raise BadValue(_("It is not a number.")) from error
    if not number.is_finite():
        raise NotFinite(_("It is not a finite number."))
    return format(number, "f")


def to_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(_("It is not a number.")) from error


def to_boolean(value: Any) -> bool:
    if value not in (True, False):
        raise BadValue(_("It is neither true nor false."))
    return bool(value)


def to_date(value: Any) -> date:
    """The day of a moment is the day it has in the active time zone."""
    if isinstance(value, datetime):
        return _wall_clock(value).date()
    if not isinstance(value, date):
        raise BadValue(_("It is not a date."))
    return value


def to_datetime(value: Any) -> datetime:
    """In UTC where the project uses time zones; without a zone it is the active zone's time."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise BadValue(_("It is not a date and time."))
    if not settings.USE_TZ:
        return _wall_clock(value)
    aware = value if timezone.is_aware(value) else timezone.make_aware(value)
    try:
        return aware.astimezone(UTC)
    except OverflowError as error:
        raise OutOfRange(_("Its time in UTC is before year 1 or after year 9999.")) from error


def to_time(value: Any) -> time:
    if isinstance(value, datetime):
        value = _wall_clock(value).time()
    if not isinstance(value, time):
        raise BadValue(_("It is not a time of day."))
    return value.replace(tzinfo=None)


def to_duration(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        raise BadValue(_("It is not a duration."))
    if value // MICROSECOND not in INT64:
        raise OutOfRange(_("It is longer than 292,000 years."))
    return value


def _wall_clock(value: datetime) -> datetime:
    if timezone.is_naive(value):
        return value
    try:
        return timezone.make_naive(value)
    except OverflowError as error:
        raise OutOfRange(_("Its local time is before year 1 or after year 9999.")) from error


CONVERTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.TEXT: to_text,
    Kind.INTEGER: to_int64,
    Kind.DECIMAL: to_plain_decimal,
    Kind.FLOAT: to_float,
    Kind.BOOLEAN: to_boolean,
    Kind.DATE: to_date,
    Kind.DATETIME: to_datetime,
    Kind.TIME: to_time,
    Kind.DURATION: to_duration,
}
