"""Objects and unfinished uploads that nobody needs any more, or that no book names."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from exportapp.conf import conf
from exportapp.exceptions import ExportError
from exportapp.jobs.journal import Happened, alarm, is_alarmed, record
from exportapp.jobs.leases import is_held
from exportapp.jobs.objects.places import objects_in, results_alias
from exportapp.models import ExportFile, ExportJob, ExportUpload
from exportapp.states import JobState

ENDED: Final = (JobState.CANCELLED, JobState.FAILED, JobState.EXPIRED)
"""With these an upload that was begun is given up; it begins anew when the export is resumed."""

FAILURES: Final = (OSError, ExportError, ImproperlyConfigured)


def give_up_uploads(renew: Callable[[], None] = lambda: None) -> int:
    """Give up what exports that ended had begun to upload; returns of how many."""
    jobs = ExportJob.objects.filter(status__in=ENDED, files__upload__isnull=False).distinct()
    given_up = 0
    for job in jobs:
        renew()
        given_up += give_up(job)
    return given_up


def give_up(job: ExportJob) -> bool:
    """End the uploads of an export that ended. Where that fails, a person is called."""
    job.refresh_from_db()
    if job.state not in ENDED or is_held(job) or is_alarmed(job, "unfinished upload"):
        return False
    uploads = ExportUpload.objects.filter(file__job=job)
    try:
        for upload in uploads:
            objects_in(upload.storage).remove(upload.name, upload.upload_id)
            upload.delete()
    except FAILURES as error:
        alarm(job, "unfinished upload", f"An unfinished upload could not be given up: {error}")
        return False
    return True


def remove_objects(job: ExportJob) -> int:
    """Remove everything of an export that was carried elsewhere; returns how much there was.

    Raises what the storages raise.
    """
    removed = 0
    for alias, named in _named(job).items():
        try:
            removed += _remove_all(alias, job.pk)
        except NotImplementedError:
            # The storage cannot list what it has, so this is all that is known to be there.
            for name, upload_id in named:
                objects_in(alias).remove(name, upload_id)
            removed += len(named)
    ExportUpload.objects.filter(file__job=job).delete()
    return removed


def sweep_objects(age: timedelta, renew: Callable[[], None] = lambda: None) -> int:
    """Remove what no book names, found by looking at the storages; returns how much.

    Of jobs that the database does not know, only what is older than `age`.
    """
    known = ExportFile.objects.exclude(storage="").values_list("storage", flat=True).distinct()
    removed = 0
    for alias in {*known, *filter(None, [results_alias()])}:
        # A storage that is away must not keep others from their turn: it is looked at again. One
        # that cannot list what it has raises NotImplementedError, as `Storage.listdir` of Django
        # does: it cannot be swept, and that is no failure.
        with contextlib.suppress(*FAILURES, NotImplementedError):
            objects = objects_in(alias)
            for job_id in objects.jobs():
                renew()
                removed += _sweep(alias, job_id, age)
    return removed


def _named(job: ExportJob) -> dict[str, list[tuple[str, str]]]:
    """What the books name of an export elsewhere, by storage: names, and ids of uploads."""
    files = ExportFile.objects.filter(job=job).exclude(storage="").values_list("storage", "path")
    uploads = ExportUpload.objects.filter(file__job=job)
    named: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for alias, name in files:
        named[alias].append((name, ""))
    for alias, name, upload_id in uploads.values_list("storage", "name", "upload_id"):
        named[alias].append((name, upload_id))
    return named


def _sweep(alias: str, job_id: Any, age: timedelta) -> int:
    job = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        return _remove_all(alias, job_id, age)
    if job.state == JobState.EXPIRED:
        removed = _remove_all(alias, job_id)
    elif is_held(job):
        return 0
    else:
        files = ExportFile.objects.filter(job=job, storage=alias).values_list("path", flat=True)
        uploads = ExportUpload.objects.filter(file__job=job, storage=alias)
        keep = {*((path, "") for path in files), *uploads.values_list("name", "upload_id")}
        late = timedelta(seconds=conf.LEASE_SECONDS)
        removed = _remove_all(alias, job_id, late, keep)
    if removed:
        record(job, Happened.CLEANED, f"{removed} stray objects removed")
    return removed


def _remove_all(
    alias: str,
    job_id: Any,
    age: timedelta | None = None,
    keep: set[tuple[str, str]] = frozenset(),  # type: ignore[assignment]
) -> int:
    objects = objects_in(alias)
    before = timezone.now() - age if age else None
    found = [
        each
        for each in objects.contents(job_id)
        if (each.name, each.upload_id) not in keep and (before is None or each.changed < before)
    ]
    for each in found:
        objects.remove(each.name, each.upload_id)
    return len(found)
