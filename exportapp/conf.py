"""Settings: typed defaults here, overridden by `EXPORTAPP_<NAME>` in the project, read late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings


class Settings:
    QUEUE: str = "exports"
    """The RQ queue that carries the wake-ups."""

    CACHE: str = "default"
    """The django-redis cache alias whose server holds the anchors."""

    STORAGE: str = "exports"
    """The alias in STORAGES for spool and result files; all workers must see the same folder."""

    RESULTS: str = ""
    """The alias in STORAGES that finished files are carried to; empty leaves them in STORAGE."""

    RESULTS_REDIRECT: bool = True
    """Whether a download is sent on to a signed URL, where that storage makes such."""

    UPLOAD_PART_BYTES: int = 16 * 2**20
    """The size of one part of an upload in parts, in bytes."""

    LINK_SECONDS: int = 300
    """How long a signed link to a file is good, ours or the storage's, in seconds."""

    PARALLELISM: int = 4
    """How many workers of the queue one export has at most."""

    SHARD_BYTES: int = 64 * 2**20
    """Sheet XML aimed at for one shard, in bytes."""

    SHARD_ROWS: int | None = None
    """Rows in one shard; None derives them from SHARD_BYTES and sampled rows."""

    READER: str = "auto"
    """How rows are read: auto takes COPY where it gives the same cells, orm never does."""

    CONSISTENCY: str = "live"
    """What an export sees unless asked otherwise: live, or snapshot (PostgreSQL only)."""

    SNAPSHOT_SECONDS: int = 1800
    """How long an export holds a snapshot at most: VACUUM waits for it. Less than JOB_TIMEOUT."""

    BATCH_ROWS: int = 16_384
    """Rows read, rendered and reported in one go."""

    SPOOL_COMPRESSION: str = "none"
    """How rows lie on the disk between reading and writing: none, lz4 or zstd."""

    SHEET_ROWS: int = 1_048_575
    """Data rows on one sheet; Excel's own limit is the most (ECMA-376 has none)."""

    WORKBOOK_BYTES: int = 2**30
    """A workbook is closed and the next begun before it passes this size, in bytes."""

    DEFLATE_LEVEL: int = 1
    """Compression level of row spans: 0 to 3 with isal, 0 to 9 with zlib."""

    OPTIONS: Mapping[str, Any] = {}  # noqa: RUF012 - never changed, replaced as a whole
    """How files are unless asked otherwise: options by name, such as `{"format": "csv"}`."""

    BAD_VALUES: str = "blank"
    """What happens to a row whose value cannot be written: fail, blank or skip."""

    LEASE_SECONDS: int = 30
    """How long a claimed piece stays a worker's without a sign of life."""

    STATEMENT_SECONDS: int = 600
    """How long one statement may keep a worker silent before its lease is let go, in seconds."""

    BEAT_SECONDS: float = 1.0
    """The least time between two heartbeats of one worker."""

    SLICE_SECONDS: int = 300
    """How long one wake-up works before it hands on to the next."""

    JOB_TIMEOUT: int = 3600
    """RQ's hard limit for one wake-up, in seconds."""

    MAX_ATTEMPTS: int = 5
    """Transient errors without progress before a piece is given up."""

    MAX_LOST_LEASES: int = 3
    """Leases lost without progress before a shard counts as poison."""

    RETRY_SECONDS: int = 900
    """How long a piece is tried again after its first transient error without progress."""

    ERRORS: tuple[str, ...] = ()
    """Dotted paths of a project's own rows for the table of errors; they come first."""

    BREAKER_FAILURES: int = 5
    """Failures in a row of a database or storage until it is left alone; at most MAX_ATTEMPTS."""

    BREAKER_SECONDS: int = 30
    """How long a database or storage that failed is left alone between two tries."""

    THROTTLE: str | None = None
    """Dotted path of `(job) -> seconds | (seconds, why) | None`: how long to leave the tables."""

    THROTTLE_SECONDS: float = 5.0
    """The least time between two calls of THROTTLE by one worker."""

    RUNNING_PER_PERSON: int | None = 50
    """How many exports of one person may be under way at a time; None sets no limit."""

    API_RATES: Mapping[str, str | None] = {  # noqa: RUF012 - never changed, merged with the project's
        "create": "60/min",
        "stream": "30/min",
        "download": "300/min",
        "live": "60/min",
        "link": "30/min",
    }
    """How often one person may ask over REST, by scope; one that is not named keeps its rate.
    `link` counts the links of one address that are none of ours."""

    STREAM_ROWS: int = 1_048_575
    """Rows of one stream at most: while it runs it takes a thread of the web server."""

    SSE_SECONDS: int = 300
    """How long one connection for live events lives; its client comes back by itself."""

    SSE_PER_PERSON: int | None = 10
    """How many live connections one person may have at a time; None sets no limit."""

    SSE_PER_PROCESS: int | None = None
    """How many one web process may have; None takes 100 under ASGI and 4 under WSGI."""

    SENDFILE: bool = False
    """Whether the web server sends finished files, by django-sendfile2 and its settings."""

    ANCHOR_TTL: int = 24 * 3600
    """How long anchors live in Redis after the last heartbeat, in seconds."""

    RETENTION_DAYS: int = 7
    """Days after its end until an export's files are removed."""

    KEEP_FAILED_SECONDS: int = 3600
    """How long shards stay that cannot be removed, or that do not fit together, in seconds."""

    NOTIFY: tuple[str, ...] = ("message",)
    """How people are told of the end unless asked otherwise: names of channels."""

    NOTICE_SECONDS: int = 24 * 3600
    """How long a notice is tried again that cannot be delivered, in seconds."""

    SITE_URL: str | None = None
    """The address of the site for links in mails; None takes that of django.contrib.sites."""

    WEBHOOKS: Mapping[str, Any] = {}  # noqa: RUF012 - never changed, replaced as a whole
    """Webhooks by name, each with its `url` and `secret`."""

    WEBHOOK_HOSTS: tuple[str, ...] = ()
    """Hosts and networks of the inside that webhooks may call all the same."""

    WEBHOOK_HTTP: bool = False
    """Whether webhooks may be called without TLS."""

    CHANNELS: Mapping[str, str] = {}  # noqa: RUF012 - never changed, replaced as a whole
    """The project's own channels: by name, the dotted path of a class or a function."""

    def __getattribute__(self, name: str) -> Any:
        default = super().__getattribute__(name)
        return (
            default
            if name.startswith("_")
            else getattr(django_settings, f"EXPORTAPP_{name}", default)
        )


conf = Settings()
