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
from redis.exceptions import ConnectionError, OutOfMemoryError, TimeoutError
from redis.retry import Retry
from redis.sentinel import SentinelManagedConnection

SQLITE_OPTIONS = {
    "timeout": 30,
    # A deferred transaction that turns from reading to writing fails at once when somebody
    # else wrote meanwhile; one that begins by taking the write lock waits for its turn.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}

# A process that freezes inside a transaction would keep its locks, and others waiting, for ever.
POSTGRES_OPTIONS = "-c idle_in_transaction_session_timeout=60s"

# A server whose memory is full is away for writes, and comes back as well. RQ's worker ends at
# such an answer, and takes its work-horse along.
REDIS_AWAY = (ConnectionError, TimeoutError, OutOfMemoryError)

# Of several Sentinels one may be gone together with the master: ask the next one without delay.
SENTINEL_OPTIONS = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry": Retry(NoBackoff(), 1),
}


class SentinelConnection(SentinelManagedConnection):
    """A connection to the master that is closed when a reply was not read.

    As it comes, it stays open when a signal or a timeout interrupts it, and the next command gets
    the reply of the last one (redis-py 8.1, pull request 4292).
    """

    def read_response(
        self, disable_decoding: Any = False, *, disconnect_on_error: bool | None = True, **how: Any
    ) -> Any:
        how |= {"disconnect_on_error": disconnect_on_error}
        return super().read_response(disable_decoding, **how)


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
    if "PGOPTIONS" not in os.environ:
        # libpq takes either; what is written out here would outdo the variable.
        options.setdefault("options", POSTGRES_OPTIONS)
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
        # A server that accepts and never answers would hold a click, or a worker with its lease.
        client = {"socket_timeout": 5} | self._client
        client |= {
            "retry": Retry(ExponentialBackoff(cap=2, base=0.2), retries, REDIS_AWAY),
            "health_check_interval": 30,
            "socket_connect_timeout": 5,
        }
        common = {"DB": self._db, "USERNAME": self._user, "PASSWORD": self._password}
        if self.sentinels:
            sentinel = {"SENTINELS": self._sentinels, "MASTER_NAME": self.master}
            client["connection_class"] = SentinelConnection
            options = {"CONNECTION_KWARGS": client, "SENTINEL_KWARGS": SENTINEL_OPTIONS}
            return common | sentinel | options
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
                # A pooled connection may be a dead one; one that is slow would be slow again.
                "retry": Retry(NoBackoff(), 1, (ConnectionError,)),
                "health_check_interval": 30,
            },
        }
        if self.sentinels:
            options["CONNECTION_POOL_KWARGS"]["connection_class"] = SentinelConnection
            options |= {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
                "SENTINELS": self._sentinels,
                "SENTINEL_KWARGS": SENTINEL_OPTIONS,
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
