"""The one doorway for people: create, pause, resume, cancel, start over and discard an export.

Every face calls these and nothing below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from exportapp.conf import conf
from exportapp.exceptions import IllegalTransition
from exportapp.jobs.before import active_with, asked_before, key_of
from exportapp.jobs.consistency import consistency_of
from exportapp.jobs.filenames import MOST_OF_JOB, safe_filename
from exportapp.jobs.formats import format_with
from exportapp.jobs.journal import Happened, record, trace_id
from exportapp.jobs.leases import PROGRESS, SETTLED, is_held
from exportapp.jobs.notices import booking
from exportapp.jobs.options import Options
from exportapp.jobs.progress import Anchors
from exportapp.jobs.recall import require_same_columns
from exportapp.jobs.retention import remove_all
from exportapp.jobs.rights import source_for, viewer_of
from exportapp.jobs.room import room_for
from exportapp.jobs.slices import require_reader
from exportapp.jobs.transitions import move_job, settle
from exportapp.jobs.wakeups import wake
from exportapp.models import ExportJob, ExportShard
from exportapp.states import JobState, ShardState
from exportapp.tables.bounds import require_sql
from exportapp.tables.keyset import Keyset
from exportapp.tables.selection import Operator, Selection, Viewer
from exportapp.tables.sheets import SheetSpec, sheets_fingerprint, sheets_to_json


def create(
    selection: Selection,
    viewer: Viewer,
    *,
    policy: str | None = None,
    consistency: str | None = None,
    options: Mapping[str, Any] | None = None,
    notify: Sequence[str] | None = None,
    request_key: str | None = None,
    traceparent: str | None = None,
    queue: bool = True,
) -> tuple[ExportJob, bool]:
    """Make the job that `viewer` asks for, or find the one that the same request made.

    Returns the job and whether it is new. Without a `request_key` of the caller's, an equal
    request finds a job as long as that is active, whatever key that was made with. `policy` and
    `consistency` are the settings BAD_VALUES and CONSISTENCY unless given, `options` the setting
    OPTIONS where they are silent. `notify` names the channels by which the person is told of the
    end: NOTIFY unless given. `traceparent` is the header of that name (W3C), whose trace this
    export belongs to. `queue=False` leaves all the work to the caller.

    Raises RequestRefused (UnknownName, TooManyRunning) for a wrong request and NotAllowed for a
    missing right; nothing is created then.
    """
    source = source_for(viewer.user, selection.source, selection.site)
    selection = source.settled(selection, viewer)
    sheets = source.sheets(selection, viewer)
    require_sql([sheet.rows for sheet in sheets], viewer)
    databases = [Keyset.of(sheet.rows).queryset.db for sheet in sheets]
    chosen = _options(options)
    job = ExportJob(
        source=source.label,
        selection=selection.to_json(),
        filename=_filename(chosen, source.filename(selection, viewer)),
        options=chosen.to_json(),
        policy=policy or conf.BAD_VALUES,
        consistency=consistency_of(consistency or conf.CONSISTENCY, databases),
        notify=booking.chosen(notify, viewer.user),
        trace_id=trace_id(traceparent),
        parallelism=conf.PARALLELISM if queue else 1,
        **_of_sheets(sheets),
        **_whose(viewer),
    )
    job.request_key = key_of(job, request_key)
    found = asked_before(job, by_key=request_key is not None)
    if found:
        booking.add(found, notify, viewer.user)
        return found, False
    return _insert(job, viewer, queue)


def pause(job: ExportJob, *, user: Any = None) -> ExportJob:
    """Ask the workers to let go. Raises IllegalTransition when there is nothing to pause."""
    move_job(job, JobState.PAUSING, gettext_noop("asked to pause"), user=user)
    settle(job)
    return job


def cancel(job: ExportJob, *, user: Any = None) -> ExportJob:
    """Give the export up; its shards stay until they expire, so it can still be resumed."""
    move_job(job, JobState.CANCELLING, gettext_noop("asked to cancel"), user=user)
    settle(job)
    return job


def resume(job: ExportJob, *, user: Any = None, queue: bool = True) -> ExportJob:
    """Go on where the export stopped; what is finished is not made again.

    Raises IllegalTransition when it is running, ready or gone, SourceChanged with what differs when
    the code gives other columns now, so that it would stop again at once, and TooManyRunning.
    """
    if job.can_resume:
        require_same_columns(job)
    try:
        with transaction.atomic(), room_for(job.requested_by):
            workers = conf.PARALLELISM if queue else 1
            # Whoever held a snapshot before has let it go, or is dead.
            changes = SETTLED | {"snapshot_id": ""}
            changes |= {"finished_at": None, "expires_at": None, "parallelism": workers}
            move_job(job, JobState.QUEUED, gettext_noop("resumed"), user=user, **changes)
            shards = ExportShard.objects.filter(job=job)
            shards.filter(lease_until=None).update(**PROGRESS, not_before=None)
            failed = shards.filter(status=ShardState.FAILED)
            failed.exclude(arrow_path="").move_to(ShardState.EXTRACTED, **SETTLED)
            failed.move_to(ShardState.PENDING, **SETTLED)
            if queue:
                wake(job, workers)
    except IllegalTransition as error:
        if job.state != JobState.EXPIRED:
            raise
        told = _("What this export had made was removed. Ask for it again.")
        raise IllegalTransition(told) from error
    except IntegrityError as error:
        raise IllegalTransition(
            _("An equal export of the same person is already running.")
        ) from error
    return job


def start_over(job: ExportJob, *, user: Any = None, queue: bool = True) -> ExportJob:
    """Ask anew for the same rows, as the person who asked; returns the new export.

    The old one stays what it is. Raises IllegalTransition while that is running, and what
    `create` raises.
    """
    if job.is_active:
        raise IllegalTransition(_("The export is running; cancel it before it is started over."))
    viewer = viewer_of(job)
    new, _is_new = create(
        Selection.from_json(job.selection),
        viewer,
        policy=job.policy,
        consistency=job.consistency,
        options=job.options,
        notify=booking.still_available(job.notify, viewer.user),
        queue=queue,
    )
    record(job, Happened.STARTED_OVER, f"as export {new.pk}", user=user, export=str(new.pk))
    return new


def discard(job: ExportJob, *, user: Any = None) -> ExportJob:
    """Remove the files of an export that has ended, before their time.

    It is expired then. What was asked, its events and its manifest stay: who downloaded which rows
    must be provable for longer than the rows are there. Raises IllegalTransition while it runs or
    is paused, and when it is gone already.
    """
    if job.can_discard and is_held(job):
        # A worker that is late may still write: its lease ends first.
        raise IllegalTransition(_("A worker still lets go of it: try again in a minute."))
    said = gettext_noop("deleted by a person")
    move_job(job, JobState.EXPIRED, said, user=user, expires_at=Now())
    # What could not be removed now is, by the next look through the storage.
    remove_all(job)
    return job


def _of_sheets(sheets: Sequence[SheetSpec]) -> dict[str, Any]:
    return {
        "sheets": sheets_to_json(sheets),
        "columns": [column.to_json() for sheet in sheets for column in sheet.columns],
        "spec_fingerprint": sheets_fingerprint(sheets),
    }


def _whose(viewer: Viewer) -> dict[str, Any]:
    return {
        "requested_by": viewer.user if viewer.user.pk else None,
        "by_operator": isinstance(viewer.user, Operator),
        "language": viewer.language,
        "time_zone": viewer.time_zone,
    }


def _options(given: Mapping[str, Any] | None) -> Options:
    """Raises RequestRefused (UnknownName), also for a check that nothing here can make."""
    chosen = Options.asked(given)
    if chosen.verify:
        require_reader()
    return chosen


def _filename(options: Options, otherwise: str) -> str:
    name = safe_filename(options.filename or otherwise, MOST_OF_JOB)
    return f"{name}{format_with(options).extension}"


def _insert(job: ExportJob, viewer: Viewer, queue: bool) -> tuple[ExportJob, bool]:
    try:
        with transaction.atomic(), room_for(viewer.user):
            job.save(force_insert=True)
            record(job, Happened.ASKED, str(viewer.user), user=viewer.user)
            Anchors(job.pk).remember_request(job.request_key)
            if queue:
                wake(job)
    except IntegrityError:
        # The other click was quicker by a moment; anything else is a fault and goes up.
        found = active_with(job.request_key)
        if found is None:
            raise
        return found, False
    return job, True
