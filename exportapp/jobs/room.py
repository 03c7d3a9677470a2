"""How many exports of one person may be under way at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils.translation import ngettext

from exportapp.conf import conf
from exportapp.exceptions import TooManyRunning
from exportapp.models import ExportJob


@contextmanager
def room_for(user: Any) -> Iterator[None]:
    """Within a transaction, around what makes one more export of `user` active.

    Raises TooManyRunning, which undoes it, when that is one more than RUNNING_PER_PERSON; an
    operator is no person. Nobody can slip past by asking several times at once: on PostgreSQL
    whoever asks waits for the person's row, and SQLite has one writer at a time.
    """
    most = conf.RUNNING_PER_PERSON
    if most is None or user is None or not user.pk:
        yield
        return
    alias = router.db_for_write(ExportJob)
    # Rows that point to the person can be written meanwhile: their key is not locked.
    keyless = connections[alias].features.has_select_for_no_key_update
    people = get_user_model()._base_manager.using(alias).select_for_update(no_key=keyless)
    list(people.filter(pk=user.pk).values_list("pk"))
    yield
    if ExportJob.objects.using(alias).filter(requested_by_id=user.pk).active().count() > most:
        said = ngettext(
            "{most} export of yours is under way, which is the most that one person may have at a "
            "time. Wait until it has ended, or cancel it.",
            "{most} exports of yours are under way, which is the most that one person may have at "
            "a time. Wait until one has ended, or cancel one.",
            most,
        )
        raise TooManyRunning(said.format(most=most))
