"""What an error means for the piece it happened in: try again by itself, or ask a person.

Each error is classified once, by the first row that fits: those of EXPORTAPP_ERRORS come first,
then `errortable.TABLE`, each read along the chain of causes from the outermost error inward.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from django.utils.module_loading import import_string

from exportapp.conf import conf
from exportapp.exceptions import ExportError
from exportapp.jobs.errortable import TABLE
from exportapp.jobs.redaction import on_one_line
from exportapp.jobs.verdicts import Action, Kind, Layer, Row, Rule, Verdict

log = logging.getLogger("exportapp")

BACKOFF_BASE: Final = 1.0
BACKOFF_CAP: Final = 60.0

LONGEST_CODE: Final = 50


def verdict(error: BaseException, *, beside: BaseException | None = None) -> Verdict:
    """Classify an error once; what nobody knows is for a person to look at.

    What was raised while `beside` was handled, but not because of it, is judged without it.
    """
    for rules in (project_rules(), TABLE):
        for link in _chain(error, beside):
            for rule in rules:
                found = _asked(rule, link)
                if found and rules is TABLE and isinstance(link, ExportError):
                    # Errors of our own bring their code with them, also those of a later class.
                    return replace(found, code=link.code)
                if found:
                    return found
    code = type(error).__name__.lower()[:LONGEST_CODE]
    return Verdict(Kind.PERMANENT, Layer.UNKNOWN, code, Action.ASK)


def project_rules() -> list[Rule]:
    """The rules that EXPORTAPP_ERRORS names; a wrong name is left out and logged.

    `manage.py check` finds those before an error does.
    """
    rules: list[Rule] = []
    for path in conf.ERRORS:
        try:
            rules += named_rules(path)
        except (ImportError, TypeError) as error:
            log.error("EXPORTAPP_ERRORS: %s: %s", path, error)
    return rules


def named_rules(path: str) -> list[Rule]:
    """What one dotted path stands for: a row, rows or a function.

    Raises ImportError when there is nothing, and TypeError when it is something else.
    """
    named = import_string(path)
    rules = [named] if isinstance(named, Row) or callable(named) else list(named)
    for rule in rules:
        if not (isinstance(rule, Row) or callable(rule)):
            raise TypeError(f"{rule!r} is neither a Row nor a function")
    return rules


def _asked(rule: Rule, error: BaseException) -> Verdict | None:
    if not isinstance(rule, Row):
        try:
            return rule(error)
        except Exception:
            # An error in a rule must not hide the one it was asked about.
            log.exception("EXPORTAPP_ERRORS: %r", rule)
            return None
    return rule.verdict if rule.fits(error) else None


def _chain(error: BaseException, end: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, what caused that, … up to `end`."""
    link: BaseException | None = error
    seen = {id(end)}
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def backoff(attempt: int, base: float | None = None, cap: float = BACKOFF_CAP) -> float:
    """Seconds to wait before attempt `attempt + 1`: exponential with full jitter.

    `base` is the most before the second attempt, BACKOFF_BASE unless given; `cap` the most of all.
    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    """
    # Nobody gains anything by guessing it.
    first = BACKOFF_BASE if base is None else base
    return random.uniform(0, min(cap, first * 2**attempt))  # nosec B311


def describe(error: BaseException) -> str:
    """The error in one line, without secrets."""
    text = on_one_line(str(error)) or type(error).__name__
    return text if isinstance(error, ExportError) else f"{type(error).__name__}: {text}"
