"""The states of jobs and shards, and every edge between them with its reason.

This is the only place that spells a state. `models.ExportJob.move_to` and
`models.ExportShard.move_to` enforce the tables in one guarded UPDATE; buttons and rules ask
`JobState.can`.
"""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy


class JobState(TextChoices):
    QUEUED = "queued", pgettext_lazy("state", "Queued")
    """Waits for a worker."""
    EXTRACTING = "extracting", pgettext_lazy("state", "Reading rows")
    """Key ranges are found and rows are copied out of the database."""
    RENDERING = "rendering", pgettext_lazy("state", "Writing rows")
    """The layout is settled; shards are made into finished bytes."""
    MERGING = "merging", pgettext_lazy("state", "Joining")
    """All shards are rendered; their spans are copied into the workbook."""
    UPLOADING = "uploading", pgettext_lazy("state", "Uploading")
    """The files are whole; they are carried to the storage of the results."""
    SUCCEEDED = "succeeded", pgettext_lazy("state", "Ready")
    """The file is there."""
    PAUSING = "pausing", pgettext_lazy("state", "Pausing")
    """A person asked to pause; workers let go at their next batch."""
    PAUSED = "paused", pgettext_lazy("state", "Paused")
    """Nobody works on it until a person resumes it."""
    CANCELLING = "cancelling", pgettext_lazy("state", "Cancelling")
    """A person asked to cancel; workers let go at their next batch."""
    CANCELLED = "cancelled", pgettext_lazy("state", "Cancelled")
    """Given up by a person; can be resumed while its shards are there."""
    FAILED = "failed", pgettext_lazy("state", "Failed")
    """Stopped by an error that a person must look at; finished shards are kept."""
    EXPIRED = "expired", pgettext_lazy("state", "Expired")
    """The files were removed after their time."""

    @property
    def can(self) -> frozenset[JobState]:
        """The states that may follow this one."""
        return frozenset(JOB_EDGES[self])


class ShardState(TextChoices):
    PENDING = "pending", pgettext_lazy("state", "Waiting")
    """Its key range is known."""
    EXTRACTING = "extracting", pgettext_lazy("state", "Reading")
    """A worker copies its rows out of the database."""
    EXTRACTED = "extracted", pgettext_lazy("state", "Read")
    """Its rows are in an Arrow file; their number is a fact."""
    RENDERING = "rendering", pgettext_lazy("state", "Writing")
    """A worker makes its rows into sheet bytes."""
    RENDERED = "rendered", pgettext_lazy("state", "Written")
    """Its bytes are final."""
    FAILED = "failed", pgettext_lazy("state", "Failed")
    """A person must look."""

    @property
    def can(self) -> frozenset[ShardState]:
        """The states that may follow this one."""
        return frozenset(SHARD_EDGES[self])


_J, _S = JobState, ShardState

JOB_EDGES: Final[dict[JobState, dict[JobState, str]]] = {
    _J.QUEUED: {
        _J.EXTRACTING: "a worker took up the export",
        _J.PAUSING: "paused before a worker came",
        _J.CANCELLING: "cancelled before a worker came",
        _J.FAILED: "it cannot be begun: the right or the source is gone",
    },
    _J.EXTRACTING: {
        _J.RENDERING: "every shard is extracted, so every row has its place",
        _J.PAUSING: "a person asked",
        _J.CANCELLING: "a person asked",
        _J.FAILED: "a permanent error, or a shard that failed",
    },
    _J.RENDERING: {
        _J.MERGING: "every shard is rendered",
        _J.EXTRACTING: "rows of a damaged file are read again",
        _J.PAUSING: "a person asked",
        _J.CANCELLING: "a person asked",
        _J.FAILED: "a permanent error, or a shard that failed",
    },
    _J.MERGING: {
        _J.SUCCEEDED: "the file is in its place",
        _J.UPLOADING: "the file is whole, and its place is another storage",
        _J.RENDERING: "a shard was found damaged and is made again",
        _J.PAUSING: "a person asked",
        _J.CANCELLING: "a person asked",
        _J.FAILED: "the file cannot be put together",
    },
    _J.UPLOADING: {
        _J.SUCCEEDED: "every file is in its place",
        _J.MERGING: "a file was found damaged before it was carried away",
        _J.PAUSING: "a person asked",
        _J.CANCELLING: "a person asked",
        _J.FAILED: "the storage refuses it, or does not answer for too long",
    },
    _J.SUCCEEDED: {_J.EXPIRED: "its time is over, or a person deleted it: its files are removed"},
    _J.PAUSING: {
        _J.PAUSED: "nobody holds a lease any more",
        _J.CANCELLING: "cancelled while pausing",
    },
    _J.PAUSED: {
        _J.QUEUED: "a person resumed it",
        _J.CANCELLING: "cancelled while paused",
    },
    _J.CANCELLING: {_J.CANCELLED: "nobody holds a lease any more"},
    _J.CANCELLED: {
        _J.QUEUED: "a person resumed it while its shards are there",
        _J.EXPIRED: "its time is over, or a person deleted it: its shards are removed",
    },
    _J.FAILED: {
        _J.QUEUED: "a person resumed it",
        _J.CANCELLING: "a person gave it up",
        _J.EXPIRED: "its time is over, or a person deleted it: its shards are removed",
    },
    _J.EXPIRED: {},
}

SHARD_EDGES: Final[dict[ShardState, dict[ShardState, str]]] = {
    _S.PENDING: {
        _S.EXTRACTING: "claimed",
        _S.FAILED: "given up while it waited for another attempt",
    },
    _S.EXTRACTING: {
        _S.EXTRACTED: "its Arrow file is committed",
        _S.PENDING: "the lease was lost or handed back",
        _S.FAILED: "a permanent error, or too many attempts",
    },
    _S.EXTRACTED: {
        _S.RENDERING: "claimed",
        _S.PENDING: "its Arrow file was found damaged",
        _S.FAILED: "given up while it waited for another attempt",
    },
    _S.RENDERING: {
        _S.RENDERED: "its bytes are committed",
        _S.EXTRACTED: "the lease was lost or handed back",
        _S.PENDING: "its Arrow file was found damaged",
        _S.FAILED: "a permanent error, or too many attempts",
    },
    _S.RENDERED: {_S.EXTRACTED: "its bytes were found damaged at merge"},
    _S.FAILED: {
        _S.PENDING: "a person resumed the export",
        _S.EXTRACTED: "a person resumed the export and its rows are there",
    },
}

WORKING: Final = frozenset({_J.QUEUED, _J.EXTRACTING, _J.RENDERING, _J.MERGING, _J.UPLOADING})
"""Jobs that workers may claim pieces of."""

STOPPING: Final = frozenset({_J.PAUSING, _J.CANCELLING})
"""Jobs whose workers are letting go."""

ACTIVE: Final = WORKING | STOPPING
"""Jobs whose progress is worth polling."""

RESUMABLE: Final = frozenset(state for state in _J if _J.QUEUED in JOB_EDGES[state])
"""Jobs that a person may resume."""

STOPPED_AS: Final = {_J.PAUSING: _J.PAUSED, _J.CANCELLING: _J.CANCELLED}
"""Where a stopping job ends when nobody holds a lease any more."""

WANTED: Final = {_J.EXTRACTING: _S.PENDING, _J.RENDERING: _S.EXTRACTED}
"""The shards that there is something to do with while the job is in this state."""

CLAIMED: Final = {_S.PENDING: _S.EXTRACTING, _S.EXTRACTED: _S.RENDERING}
"""What a free shard becomes when it is claimed."""

RELEASED: Final = {claimed: free for free, claimed in CLAIMED.items()}
"""What a claimed shard goes back to when its lease is lost or handed back."""
