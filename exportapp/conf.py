"""Settings: typed defaults here, overridden by `EXPORTAPP_<NAME>` in the project, read late."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings


class Settings:
    QUEUE: str = "exports"
    """The RQ queue that carries the wake-ups."""

    CACHE: str = "default"
    """The django-redis cache alias whose server holds the anchors."""

    STORAGE: str = "exports"
    """The alias in STORAGES for spool and result files; all workers must see the same folder."""

    PARALLELISM: int = 4
    """How many workers are woken for one export."""

    SHARD_BYTES: int = 32 * 2**20
    """Sheet XML aimed at for one shard, in bytes."""

    SHARD_ROWS: int | None = None
    """Rows in one shard; None derives them from SHARD_BYTES and sampled rows."""

    READER: str = "auto"
    """How rows are read: auto takes COPY where it gives the same cells, orm never does."""

    BATCH_ROWS: int = 8192
    """Rows read, rendered and reported in one go."""

    SHEET_ROWS: int = 1_048_575
    """Data rows on one sheet; Excel's own limit is the most (ECMA-376 has none)."""

    WORKBOOK_BYTES: int = 2**30
    """A workbook is closed and the next begun before it passes this size, in bytes."""

    DEFLATE_LEVEL: int = 1
    """Compression level of row spans: 0 to 3 with isal, 0 to 9 with zlib."""

    BAD_VALUES: str = "blank"
    """What happens to a row whose value cannot be written: fail, blank or skip."""

    LEASE_SECONDS: int = 60
    """How long a claimed piece stays a worker's without a sign of life."""

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

    ANCHOR_TTL: int = 24 * 3600
    """How long anchors live in Redis after the last heartbeat, in seconds."""

    RETENTION_DAYS: int = 7
    """Days after its end until an export's files are removed."""

    def __getattribute__(self, name: str) -> Any:
        default = super().__getattribute__(name)
        return (
            default
            if name.startswith("_")
            else getattr(django_settings, f"EXPORTAPP_{name}", default)
        )


conf = Settings()
