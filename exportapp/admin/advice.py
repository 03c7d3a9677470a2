"""What a person can do about an export that stopped, by the code of its error."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OTHERWISE: Final[Promise] = _(
    "Put right what the error names, then resume: what is finished is not made again."
)

BAD_DISK: Final[Promise] = _(
    "What was written to the disk of the exports came back changed each time. Look at that disk, "
    "then resume."
)

ADVICE: Final[dict[str, Promise]] = {
    "not_allowed": _(
        "Ask whoever manages permissions for the right to export this model, then resume."
    ),
    "source_changed": _(
        "Press “Start over”: that asks for the same rows anew, with the columns as they are now."
    ),
    "too_large": _("Choose fewer columns or filter the list, and ask for a new export."),
    "verification_failed": _(
        "The finished file did not read as what was put into it and was removed. Resume to have it "
        "made once more; if it happens again, report it."
    ),
    "row_refused": _("Correct the value in that row, then resume."),
    "poison": _(
        "Workers died on these rows each time. Look at the worker's log for memory or a crash, "
        "then resume."
    ),
    "database_unavailable": _("The database did not answer for some time. Resume when it is back."),
    "database_overloaded": _(
        "The database had no room for the export for some time. Resume when it is less busy."
    ),
    "database_conflict": _("Something kept rows locked for some time. Resume when it is over."),
    "snapshot_lost": _(
        "The moment at which all rows were to be read was lost several times, as by workers that "
        "were replaced. Resume when that is over: all rows are read anew."
    ),
    "snapshot_too_old": _(
        "The rows could not be read in the time for which the database may be kept at one moment. "
        "Filter the list, or resume when more workers are free: all rows are read anew."
    ),
    "database_full": _("The disk of the database is full. Make room there, then resume."),
    "connection": _("A server did not answer for some time. Resume when it is back."),
    "timeout": _("A server did not answer for some time. Resume when it is back."),
    "memory": _("The worker ran out of memory. Give it more, or set a smaller shard; then resume."),
    "file_damaged": BAD_DISK,
    "shard_damaged": BAD_DISK,
    "result_damaged": BAD_DISK,
    "storage_unavailable": _(
        "The storage of the finished files did not answer for some time. Resume when it is back: "
        "what has arrived there is not sent again."
    ),
    "storage_refused": _(
        "The storage refused the finished file. Correct what its answer names, then resume."
    ),
    "enospc": _("The disk of the exports is full. Make room, then resume."),
    "edquot": _("The quota of the exports' disk is used up. Make room, then resume."),
    "eacces": _(
        "The worker may not write to the folder of the exports. Correct that, then resume."
    ),
}


def advice_for(code: str) -> Promise:
    """One or two sentences; a general one for codes that need no word of their own."""
    return ADVICE.get(code, OTHERWISE)
