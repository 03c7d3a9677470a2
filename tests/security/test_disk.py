"""What lies on disk is for its owner alone, whatever the umask, and for no web server."""

from __future__ import annotations

import os
import stat

import pytest
from django.contrib.staticfiles import finders
from django.core.files.storage import storages

from exportapp.jobs import files
from exportapp.jobs.files import folder, writing
from exportapp.jobs.work import work
from project.shop.loading import seed_shop
from tests.security.conftest import asked_by, browser_of


@pytest.fixture(params=[0o000, 0o777, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(root):
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode)
        for path in [root, *root.rglob("*")]
    }


def test_every_file_of_an_export_is_private_while_it_is_written_and_after(
    umask, clerk, tmp_path, monkeypatch
):
    seed_shop(3, seed=1)
    seen = {}
    replace = os.replace

    def look(part, final):
        seen.update(modes(tmp_path / "exports"))
        replace(part, final)

    monkeypatch.setattr(files.os, "replace", look)
    job = asked_by(clerk)
    work(job.pk)
    job.refresh_from_db()

    assert job.can_download, job.error
    found = seen | modes(tmp_path / "exports")
    assert any(name.endswith(".arrow.part") for name in found)
    assert any(name.endswith(".xlsx") for name in found)
    wrong = {
        name: oct(mode)
        for name, mode in found.items()
        if mode != (0o600 if "." in name[1:] else 0o700)
    }
    assert wrong == {}


def test_a_folder_that_was_opened_to_others_is_closed_again(clerk):
    job = asked_by(clerk)
    folder(job).chmod(0o777)
    with writing(job, "shard-00001.arrow", 1):
        assert stat.S_IMODE(folder(job).stat().st_mode) == 0o700


def test_nothing_of_the_spool_has_a_url(root, clerk, settings):
    seed_shop(3, seed=1)
    job = asked_by(clerk)
    work(job.pk)
    storage = storages["exports"]
    kept = [str(path.relative_to(storage.location)) for path in folder(job).iterdir()]
    (folder(job) / "shard-00001.f1.arrow").touch()
    client = browser_of(root)
    for name in (*kept, f"{job.pk}/shard-00001.f1.arrow"):
        with pytest.raises(ValueError, match="no URL"):
            storage.url(name)
        assert finders.find(name) is None
        for start in ("/", "/media/", "/static/", f"/api/exports/{job.pk}/download/"):
            answer = client.get(f"{start}{name}")
            assert answer.status_code == 404 and not answer.streaming
    for public in (settings.MEDIA_ROOT, settings.STATIC_ROOT):
        assert not public or not str(storage.location).startswith(str(public))
