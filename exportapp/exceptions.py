"""What can go wrong, as one tree.

* ExportError
  x RequestRefused (ValueError)     the request is wrong: said at the door, nothing was created
    + UnknownName (LookupError)     no such model, column, filter or order
    + RangeNotSatisfiable           the part of a file that is asked for lies behind its end
    + ParameterRefused              values that a registered export's parameters do not take
    + TooManyRunning                as many exports of this person run as one person may have
    + NotAllowed (PermissionError)  this person may not do this
  x IllegalTransition               the state table has no such edge from where the job is
    + NotReady                      what is asked for is there when the job has succeeded
  x RowRefused                      one row cannot be written and the policy says "fail"
  x SourceChanged                   the job was made from code that says something else now
  x FileDamaged                     a spool file is not what was committed
    + FileUnknown                   the export has no file of this number
    + FileExpired                   its time is over and it was removed
  x LinkUnknown (LookupError)       a signed link is none of ours
    + LinkExpired                   its time is over, or its file is another one now
  x VerificationFailed              a finished file does not read as what was put into it
  x SnapshotLost                    nobody holds the moment that all rows are to be read at
  x SnapshotTooOld                  it was held for longer than a database should
  x StorageUnavailable              the storage of the results does not answer, or not now
  x StorageRefused                  it answers, and no other try will be answered differently
  x NoticeRefused                   a notice cannot be delivered, however often it is tried
  x LeaseLost                       somebody else holds the piece: drop the file and go
  x WorkInterrupted                 asked to stop at the next batch boundary

The sentence is the message: one line that names what, where and what is valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from exportapp.unknown import refusal


class ExportError(Exception):
    """The export could not go on."""

    code = "export_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class RequestRefused(ExportError, ValueError):
    """The request cannot be carried out as it stands."""

    code = "request_refused"


class UnknownName(RequestRefused, LookupError):
    """The request names something that does not exist."""

    code = "unknown_name"

    def __init__(self, what: str, name: str, valid: Iterable[str]) -> None:
        self.what, self.name, self.valid = what, name, tuple(valid)
        super().__init__(refusal(what, name, self.valid))


class ParameterRefused(RequestRefused):
    """Parameters of the export have values that they do not take."""

    code = "parameter_refused"

    def __init__(self, errors: Mapping[str, str] | None = None) -> None:
        self.errors = dict(errors or {})
        super().__init__(" ".join(self.errors.values()))


class RangeNotSatisfiable(RequestRefused):
    """The part of the file that is asked for lies behind its end."""

    code = "range_not_satisfiable"

    def __init__(self, size: int = 0) -> None:
        self.headers = {"Content-Range": f"bytes */{size}"}
        """RFC 9110, 14.4: what says how long the file is."""
        super().__init__(
            _("The file has {size} bytes; the range that is asked for lies behind.").format(
                size=size
            )
        )


class TooManyRunning(RequestRefused):
    """As many exports of this person are running as one person may have at a time."""

    code = "too_many_running"


class TooManyStreams(ExportError):
    """There are as many live connections already as there may be: poll, or come back later."""

    code = "too_many_streams"


class NotAllowed(ExportError, PermissionError):
    """This person may not do this."""

    code = "not_allowed"


class IllegalTransition(ExportError):
    """The job cannot do this in the state it is in."""

    code = "illegal_transition"


class NotReady(IllegalTransition):
    """The export has not made its file yet."""

    def __init__(self, message: str | None = None, job: Any = None) -> None:
        self.job = job
        super().__init__(message)


class RowRefused(ExportError):
    """A row has a value that cannot be written, and the policy for bad values is 'fail'."""

    code = "row_refused"


class SourceChanged(ExportError):
    """The export's columns are no longer what they were when the job was made: start it over."""

    code = "source_changed"


class FileDamaged(ExportError):
    """A spool file is missing or is not what was committed."""

    code = "file_damaged"


class FileUnknown(FileDamaged):
    """The export has no file of this number."""

    code = "file_unknown"


class FileExpired(FileDamaged):
    """The time of this export is over and its files were removed: make it again."""

    code = "file_expired"

    def __init__(self, message: str | None = None) -> None:
        told = _("The time of this export is over and its files were removed: make it again.")
        super().__init__(message or told)


class LinkUnknown(ExportError, LookupError):
    """The link is none that was made here."""

    code = "link_unknown"


class LinkExpired(LinkUnknown):
    """The link is no longer good: ask for another."""

    code = "link_expired"


class VerificationFailed(ExportError):
    """The finished file does not read as what was put into it: it is not handed out."""

    code = "verification_failed"

    def __init__(self, message: str | None = None, file: int | None = None) -> None:
        self.file = file
        """Number of the file, where one is to blame."""
        super().__init__(message)


class SnapshotLost(ExportError):
    """The snapshot that all rows were to be read in is gone: everything is read anew."""

    code = "snapshot_lost"


class SnapshotTooOld(ExportError):
    """The rows could not be read in the time for which a snapshot may be held."""

    code = "snapshot_too_old"


class StorageUnavailable(ExportError):
    """The storage of the results does not answer, or asks to be left alone for now."""

    code = "storage_unavailable"


class StorageRefused(ExportError):
    """The storage of the results refuses what it is asked."""

    code = "storage_refused"


class NoticeRefused(ExportError):
    """The notice cannot be delivered, however often it is tried."""

    code = "notice_refused"


class LeaseLost(ExportError):
    """Another worker holds this piece now."""

    code = "lease_lost"


class WorkInterrupted(ExportError):
    """The work was asked to stop."""

    code = "work_interrupted"
