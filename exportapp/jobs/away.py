"""What Redis says when it is not there: an answer that every caller must be able to live with."""

from __future__ import annotations

from typing import Final

from redis.exceptions import RedisError

AWAY: Final = (RedisError, NotImplementedError)
"""The second is django-redis's word for a cache that is no Redis."""
