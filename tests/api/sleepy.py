"""A shop whose database falls asleep over some of its orders, and a site of it for gunicorn."""

from __future__ import annotations

import os
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db.models import BooleanField, F, Func


class Sleeping(Func):
    """True; of rows behind a key PostgreSQL finds that out in its sleep."""

    template = "(CASE WHEN %(expressions)s > %(last)s THEN pg_sleep(60) END) IS NULL"
    output_field = BooleanField()


def fall_asleep(rows: int, *, counted: bool, put: Any = setattr) -> None:
    """From now on the database has these first orders at hand, and sleeps over each other one.

    Nothing is `counted` that would send it to sleep before there is an answer.
    """
    from django.contrib import admin

    from exportapp.jobs.feed import Room
    from exportapp.tables import readers, scan
    from project.shop.models import Order

    model_admin = type(admin.site.get_model_admin(Order))
    all_of_them = model_admin.get_queryset

    def queryset(self: Any, request: Any) -> Any:
        first = Order.objects.order_by("pk").values_list("pk", flat=True).first() or 0
        found = all_of_them(self, request).alias(slept=Sleeping(F("pk"), last=first + rows - 1))
        return found.filter(slept__isnull=False)

    put(model_admin, "get_queryset", queryset)
    put(readers, "SAMPLE_ROWS", 10)
    put(scan, "RANGE_BYTES", 2_000)
    if not counted:
        put(Room, "for_rows", lambda keysets, viewer, stop: Room(10**6))


def application(environ: Any, start_response: Any) -> Any:
    return _site(environ, start_response)


if "SLEEP_BEHIND" in os.environ:
    _site = get_wsgi_application()
    fall_asleep(int(os.environ["SLEEP_BEHIND"]), counted=False)
