"""How often one person may ask: rates by scope, counted in the cache that all processes share."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from django_redis.exceptions import ConnectionInterrupted
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from exportapp.conf import Settings, conf
from exportapp.jobs.away import AWAY, OF_ANCHORS


class PersonThrottle(UserRateThrottle):
    """Lets everybody through while the cache is away: a limit must not become an outage.

    What is dear is limited in the database too, by RUNNING_PER_PERSON.
    """

    cache_format = "exportapp_throttle_%(scope)s_%(ident)s"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__()

    @property
    def cache(self) -> Any:  # type: ignore[override]
        return caches[conf.CACHE]

    def get_rate(self) -> str | None:
        rates: dict[str, str | None] = {**vars(Settings)["API_RATES"], **conf.API_RATES}
        return rates[str(self.scope)]

    def allow_request(self, request: Request, view: Any) -> bool:
        if self.rate is None or OF_ANCHORS:
            return True
        try:
            return bool(super().allow_request(request, view))
        except (*AWAY, ConnectionInterrupted):
            OF_ANCHORS.begin()
            return True


class GuessThrottle(PersonThrottle):
    """Counts what was wrong, by address: only whoever guesses has to wait."""

    duration: int

    def throttle_success(self) -> bool:
        # Nothing was wrong yet.
        return True

    def count(self) -> None:
        if self.rate is None or OF_ANCHORS:
            return
        try:
            self.history.insert(0, self.now)
            self.cache.set(self.key, self.history, self.duration)
        except (*AWAY, ConnectionInterrupted):
            OF_ANCHORS.begin()
