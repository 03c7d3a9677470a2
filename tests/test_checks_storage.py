"""The checks of where files are kept: in a storage of files that nobody serves."""

from __future__ import annotations

import pytest

from tests.test_checks import found

PRIVATE = "exportapp.jobs.files.PrivateFileStorage"
PLAIN_FILES = "django.core.files.storage.FileSystemStorage"


def storage(settings, backend=PRIVATE, **options):
    rest = {name: kept for name, kept in settings.STORAGES.items() if name != "exports"}
    made = {"exports": {"BACKEND": backend, "OPTIONS": options}} if backend else {}
    settings.STORAGES = rest | made


def test_a_missing_storage_is_named(settings):
    storage(settings, backend=None)
    assert found().keys() == {"E002"}
    assert "STORAGES['exports']" in found()["E002"]


def test_a_storage_that_cannot_be_imported_is_named(settings):
    storage(settings, backend="exportapp.jobs.files.Missing")
    assert "Missing" in found()["E002"]


def test_a_storage_without_files_is_refused(settings):
    storage(settings, backend="django.core.files.storage.InMemoryStorage")
    assert found().keys() == {"E003"}
    assert "InMemoryStorage" in found()["E003"]


@pytest.mark.parametrize("setting", ["MEDIA_ROOT", "STATIC_ROOT"])
@pytest.mark.parametrize("inside", ["", "exports", "a/../exports"])
def test_a_storage_that_a_web_server_serves_is_refused(settings, tmp_path, setting, inside):
    setattr(settings, setting, str(tmp_path))
    storage(settings, location=tmp_path / inside)
    assert found().keys() == {"E004"}
    assert setting in found()["E004"]


def test_a_storage_without_a_location_lies_in_the_media_folder(settings):
    storage(settings)
    assert found().keys() == {"E004"}


def test_a_storage_beside_the_media_folder_is_fine(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "exports")
    storage(settings, location=tmp_path / "exports-private")
    assert found() == {}


def test_a_storage_with_addresses_is_refused(settings, tmp_path):
    storage(settings, backend=PLAIN_FILES, location=tmp_path, base_url="/files/")
    assert found().keys() == {"E005"}
