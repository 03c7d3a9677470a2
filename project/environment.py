"""What the environment says about the servers, as Django, RQ and django-redis want to hear it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

SQLITE_OPTIONS = {
    "timeout": 30,
    # A deferred transaction that turns from reading to writing fails at once when somebody
    # else wrote meanwhile; one that begins by taking the write lock waits for its turn.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def flag(name: str, default: bool) -> bool:
    """A variable that is on or off: 1, true, yes, on against everything else."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def listed(name: str, default: str = "") -> list[str]:
    """A variable of comma-separated words."""
    return [word for part in os.environ.get(name, default).split(",") if (word := part.strip())]


def database(url: str) -> dict[str, Any]:
    """DATABASES["default"] for a URL such as `postgres://user@/name?host=/run/postgresql`."""
    try:
        config: dict[str, Any] = {**dj_database_url.parse(url)}
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error}") from error
    options: dict[str, Any] = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = SQLITE_OPTIONS | options
        return config
    # libpq writes the folder of a unix socket as ?host=; Django's own tools look at HOST.
    config["HOST"] = options.pop("host", config["HOST"])
    config["PORT"] = str(options.pop("port", config["PORT"]))
    return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


@dataclass(frozen=True, kw_only=True)
class RedisServer:
    """One Redis or Valkey, or the master that a group of Sentinels names.

    Queues live in the URL's database, the cache with the anchors in the next one, so that
    emptying one does not empty the other.
    """

    url: str
    sentinels: tuple[str, ...] = ()
    master: str = "mymaster"

    def queue(self, *, retries: int) -> dict[str, Any]:
        """An entry of RQ_QUEUES. By HOST and PORT, since django-rq ignores the client's
        options beside a URL."""
        client = self._client | {
            "retry": Retry(ExponentialBackoff(cap=2, base=0.2), retries),
            "health_check_interval": 30,
            "socket_connect_timeout": 5,
        }
        common = {"DB": self._db, "USERNAME": self._user, "PASSWORD": self._password}
        if self.sentinels:
            sentinel = {"SENTINELS": self._sentinels, "MASTER_NAME": self.master}
            return common | sentinel | {"CONNECTION_KWARGS": client}
        where = {"HOST": self._parsed["host"], "PORT": self._parsed.get("port", 6379)}
        tls = {"SSL": urlsplit(self.url).scheme == "rediss"}
        if "ssl_cert_reqs" in client:
            tls["SSL_CERT_REQS"] = client.pop("ssl_cert_reqs")
        return common | where | tls | {"REDIS_CLIENT_KWARGS": client}

    def cache(self) -> dict[str, Any]:
        """An entry of CACHES. It gives up within seconds: an export runs on without it."""
        options: dict[str, Any] = {
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 2,
            "CONNECTION_POOL_KWARGS": {
                "retry": Retry(NoBackoff(), 1),  # a pooled connection may be a dead one
                "health_check_interval": 30,
            },
        }
        if self.sentinels:
            options |= {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
                "SENTINELS": self._sentinels,
            }
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": self._cache_url,
            "OPTIONS": options,
        }

    @property
    def _parsed(self) -> dict[str, Any]:
        scheme = urlsplit(self.url).scheme
        if scheme not in {"redis", "rediss"}:
            raise ImproperlyConfigured(
                f"REDIS_URL begins with '{scheme}://'. Valid: redis://, rediss://."
            )
        return dict(parse_url(self.url))  # type: ignore[no-untyped-call]

    @property
    def _client(self) -> dict[str, Any]:
        named = {"host", "port", "db", "username", "password", "connection_class"}
        return {key: value for key, value in self._parsed.items() if key not in named}

    @property
    def _db(self) -> int:
        return int(self._parsed.get("db", 0))

    @property
    def _user(self) -> str | None:
        return self._parsed.get("username")

    @property
    def _password(self) -> str | None:
        return self._parsed.get("password")

    @property
    def _sentinels(self) -> list[tuple[str, int]]:
        pairs = (place.rpartition(":") for place in self.sentinels)
        return [(host, int(port)) if host else (port, 26379) for host, _, port in pairs]

    @property
    def _cache_url(self) -> str:
        parts = urlsplit(self.url)
        place = parts.netloc
        if self.sentinels:
            place = f"{place.rpartition('@')[0]}@{self.master}" if "@" in place else self.master
        query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "db"])
        return urlunsplit((parts.scheme, place, f"/{self._db + 1}", query, ""))
