"""Finished files on their way to any storage of Django's, which knows no parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import Storage

from exportapp.jobs import files, lifecycle
from exportapp.jobs.digests import BLOCK
from exportapp.jobs.files import PrivateFileStorage
from exportapp.jobs.objects import upload
from exportapp.jobs.reconcile import reconcile
from exportapp.jobs.upkeep import take_turn
from exportapp.models import ExportJob
from tests.objects.test_upload import spool, worked

Ask = Callable[..., ExportJob]


def test_any_storage_will_do_and_what_a_dead_worker_left_there_goes(
    ask: Ask, settings: Any, tmp_path: Any
) -> None:
    settings.EXPORTAPP_RESULTS = "disk"
    job = worked(ask())
    file = job.files.get()
    there = tmp_path / "elsewhere" / file.path
    assert hashlib.sha256(there.read_bytes()).hexdigest() == file.sha256
    assert (job.status, file.storage, spool(job)) == ("succeeded", "disk", [])
    reconcile()
    lifecycle.discard(job)
    assert not there.parent.exists()


@pytest.mark.parametrize(("deed", "left"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_word_of_a_person_is_heard_before_a_file_is_read_through_that_is_to_be_sent(
    ask: Ask, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, deed: str, left: str
) -> None:
    settings.EXPORTAPP_RESULTS = "disk"
    settings.EXPORTAPP_BEAT_SECONDS = 0
    job = ask()

    def damage_and_stop() -> str:
        # Whoever reads to the end finds out, and has it made again.
        files.local_path(job.files.get().path).write_bytes(bytes(3 * BLOCK))
        getattr(lifecycle, deed)(ExportJob.objects.get(pk=job.pk))
        return "disk"

    with monkeypatch.context() as patch:
        patch.setattr(upload, "results_alias", damage_and_stop)
        worked(job)
    assert job.status == left
    assert not job.events.filter(kind="damaged").exists()

    lifecycle.resume(job, queue=False)
    assert worked(job).status == "succeeded"
    file = job.files.get()
    sent = (tmp_path / "elsewhere" / file.path).read_bytes()
    assert hashlib.sha256(sent).hexdigest() == file.sha256, "made anew, since it was damaged"


class Listless(PrivateFileStorage):
    """A storage as Django lets it be: it cannot say what it has."""

    def listdir(self, path: str) -> Any:
        return Storage.listdir(self, path)


def test_from_a_storage_that_cannot_list_goes_what_the_books_name(
    ask: Ask, settings: Any, tmp_path: Any
) -> None:
    place = {"BACKEND": f"{__name__}.Listless", "OPTIONS": {"location": tmp_path / "elsewhere"}}
    settings.STORAGES = settings.STORAGES | {"listless": place}
    settings.EXPORTAPP_RESULTS = "listless"
    job = worked(ask(3))
    there = tmp_path / "elsewhere" / job.files.get().path
    assert there.exists()
    take_turn(thorough=True)
    lifecycle.discard(job)
    assert not there.exists()
