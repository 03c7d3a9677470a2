"""Names and paths of files: nothing leads out of a folder, ends a header or names a device."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from django.urls import reverse
from hypothesis import example, given
from hypothesis import strategies as st

from exportapp.exceptions import FileDamaged
from exportapp.jobs import lifecycle
from exportapp.jobs.filenames import RESERVED, safe_filename
from exportapp.jobs.files import crc32_of, local_path, opened, remove, writing
from exportapp.jobs.work import work
from exportapp.models import ExportFile, ExportJob
from exportapp.tables.selection import Selection
from project.shop.loading import seed_shop
from project.shop.models import Order
from tests.gallery.exports import BookedCustomers, BookedLines, BookedOrders, PaidOrders
from tests.security.conftest import asked_by, seen_by

HOSTILE = (
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    'a"; filename="b.exe',
    "a\r\nSet-Cookie: sessionid=x\r\n\r\n<script>",
    "con.xlsx",
    "LPT1",
    "nul.f2.xlsx",
    "Ärger über 表.xlsx",
    "\u202excod.exe",
    "x" * 1000 + ".xlsx",
    "ж" * 1000 + ".csv.gz",
    ".",
    "..",
    "",
    "a\0b.xlsx",
    "%2e%2e%2fa",
    "\ud800.xlsx",
    "-rf",
    ".htaccess",
)


def with_examples(test):
    for name in HOSTILE:
        test = example(name)(test)
    return test


@with_examples
@given(st.text())
def test_a_safe_name_is_one_everywhere(wanted):
    name = safe_filename(wanted)
    assert 0 < len(name.encode()) <= 220
    assert Path(name).name == name
    assert not name.startswith((".", "-"))
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for sign in name)
    assert not set('/\\:*?"<>|') & set(name)
    assert name == name.strip(" ") and not name.endswith(".")
    assert name.partition(".")[0].rstrip().lower() not in RESERVED
    assert safe_filename(name) == name


def test_plain_names_stay_as_they_are():
    for name in (
        "orders.xlsx",
        "paid ones.xlsx",
        "orders-2.csv.gz",
        "book-2023-01-01-manifest.json",
        "Ärger.xlsx",
    ):
        assert safe_filename(name) == name


@pytest.fixture
def job(clerk):
    seed_shop(3, seed=1)
    job = asked_by(clerk)
    work(job.pk)
    job.refresh_from_db()
    assert job.can_download, job.error
    return job


def attached(response):
    """The name that a browser takes from the header."""
    assert response.status_code == 200, response.content
    b"".join(response.streaming_content if response.streaming else [response.content])
    message = Message()
    message["Content-Disposition"] = response["Content-Disposition"]
    assert message.get_content_disposition() == "attachment"
    return message.get_filename()


def test_hostile_names_in_the_database_leave_as_safe_ones(job, desk, subtests):
    page = reverse("admin:exportapp_exportjob_download", args=[job.pk, 1])
    for name in (name for name in HOSTILE if "\0" not in name and "\ud800" not in name):
        with subtests.test(name[:30]):
            ExportJob.objects.update(filename=name[:200])
            job.files.update(filename=name[:220])
            rest = desk.get(f"/api/exports/{job.pk}/download/?file=1")
            assert attached(desk.get(page)) == attached(rest) == safe_filename(name[:220])
            assert "manifest" in attached(desk.get(f"/api/exports/{job.pk}/manifest/"))
            assert "Set-Cookie" not in rest.headers


def test_entries_of_a_zip_stay_in_its_folder(job, desk):
    first = job.files.get()
    ExportFile.objects.create(
        **{
            field: getattr(first, field)
            for field in ("job", "path", "size", "sha256", "crc32", "rows", "sheets")
        },
        number=2,
        filename="../../x\r\n.xlsx",
    )
    job.files.filter(number=1).update(filename="/etc/passwd")
    response = desk.get(f"/api/exports/{job.pk}/download/")
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as found:
        names = found.namelist()
        assert found.testzip() is None
    assert names == ["etcpasswd", "x.xlsx", "manifest.json"]


def test_a_hostile_name_is_not_written_to(clerk, tmp_path):
    seed_shop(3, seed=1)
    job = asked_by(clerk)
    ExportJob.objects.update(filename="../../../stolen.xlsx")
    work(job.pk)

    file = job.files.get()
    assert local_path(file.path).parent == tmp_path / "exports" / str(job.pk)
    assert file.filename == "stolen.xlsx"
    assert not list(tmp_path.rglob("../stolen*"))


def test_the_title_of_a_model_may_be_anything(clerk, monkeypatch):
    for title in ("../../x", "con", "表", "x" * 900, "a\r\nb: c", ""):
        monkeypatch.setattr(Order._meta, "verbose_name_plural", title)
        job = asked_by(clerk, query={"q": [title[:5] or "-"]})
        assert job.filename == safe_filename(job.filename)


def test_parameters_in_a_name_do_not_lead_anywhere(clerk, monkeypatch):
    monkeypatch.setattr(PaidOrders, "filename", "../{since}/../con\r\n{name}")
    job = asked_by(clerk, "paid-orders", parameters={"since": "2020-01-01"})
    assert job.filename == safe_filename(job.filename)
    assert "/" not in job.filename


@pytest.fixture
def outside(tmp_path):
    path = tmp_path / "secret"
    path.write_text("secret")
    return path


def test_a_path_that_leads_out_of_the_storage_is_no_file_of_ours(job, desk, outside):
    folder = local_path(job.files.get().path).parent
    (folder / "link.xlsx").symlink_to(outside)
    for path in ("../secret", str(outside), f"{job.pk}/../../secret", f"{job.pk}/link.xlsx"):
        for reading in (local_path, crc32_of, remove, lambda path: opened(path, "")):
            with pytest.raises(FileDamaged, match="is not in the export storage"):
                reading(path)
        job.files.update(path=path, size=outside.stat().st_size)
        response = desk.get(f"/api/exports/{job.pk}/download/")
        assert response.status_code == 410
        assert outside.read_text() == "secret"


def test_a_link_in_the_way_of_a_file_is_not_followed(job, outside):
    folder = local_path(job.files.get().path).parent
    (folder / "shard-00001.f9.arrow.part").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"), writing(job, "shard-00001.arrow", 9):
        pass
    assert outside.read_text() == "secret"


def test_sheets_whose_titles_differ_in_signs_only_are_different_files(root, monkeypatch):
    monkeypatch.setattr(BookedOrders, "title", "Net")
    monkeypatch.setattr(BookedLines, "title", "Net\u200b")
    monkeypatch.setattr(BookedCustomers, "title", "..")
    seed_shop(3, seed=1)
    selection = Selection(source="order-book", parameters={"since": "2020-01-01"})
    job, _new = lifecycle.create(selection, seen_by(root), options={"format": "csv"}, queue=False)
    work(job.pk)

    job.refresh_from_db()
    assert job.status == "succeeded", job.error
    assert [file.filename for file in job.files.all()] == [
        f"book-2020-01-01-{number}.csv" for number in (1, 2, 3)
    ]
    assert len({file.path for file in job.files.all()}) == 3
