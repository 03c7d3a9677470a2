"""System checks: what the first export would otherwise find out.

Finders say what is wrong with which names; `WORDS` says it to people. docs/checks.md explains
each id.

surroundings  apps, storage, cache, queue, workers, columns
values        the settings
registered    the `Export` classes
notices       how people are told of an end
permissions   the permissions that columns and exports name
words         the messages and their hints
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.core.checks import CheckMessage, register

from exportapp.checks.notices import (
    channels_wrong,
    mail_without_site,
    message_unseen,
    pages_missing,
)
from exportapp.checks.permissions import permissions_unknown
from exportapp.checks.registered import (
    exports_incomplete,
    exports_unfit,
    names_taken,
    parameters_unfit,
    sheets_unfit,
)
from exportapp.checks.surroundings import (
    apps_missing,
    cache_unfit,
    columns_wrong,
    queue_missing,
    results_unfit,
    storage_unfit,
    worker_plain,
)
from exportapp.checks.values import names_unknown, paths_wrong, values_at_odds, values_out_of_range
from exportapp.checks.words import WORDS

__all__ = ["WORDS", "check_exportapp"]

FINDERS: Final[tuple[Callable[[], Iterator[CheckMessage]], ...]] = (
    apps_missing,
    storage_unfit,
    results_unfit,
    cache_unfit,
    queue_missing,
    values_out_of_range,
    values_at_odds,
    columns_wrong,
    paths_wrong,
    names_taken,
    exports_incomplete,
    parameters_unfit,
    sheets_unfit,
    exports_unfit,
    permissions_unknown,
    names_unknown,
    worker_plain,
    channels_wrong,
    mail_without_site,
    message_unseen,
    pages_missing,
)


@register
def check_exportapp(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [message for find in FINDERS for message in find()]
