"""Finished files on their way to a bucket: in parts, each once, and only then is it ready."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from exportapp.jobs import files, lifecycle
from exportapp.jobs.retention import expire, sweep
from exportapp.jobs.upkeep import take_turn
from exportapp.jobs.work import work
from exportapp.models import ExportJob, ExportUpload
from exportapp.signals import export_succeeded
from tests.objects.conftest import PART
from tests.objects.server import BUCKET, Server

Ask = Callable[..., ExportJob]


def worked(job: ExportJob) -> ExportJob:
    work(job.pk)
    job.refresh_from_db()
    return job


def in_bucket(server: Server, job: ExportJob, number: int = 1) -> bytes:
    file = job.files.get(number=number)
    assert file.storage == "results"
    found = server.client.get_object(Bucket=BUCKET, Key=f"made/here/{file.path}")
    assert found["ContentType"].endswith("spreadsheetml.sheet")
    body: bytes = found["Body"].read()
    assert hashlib.sha256(body).hexdigest() == file.sha256
    return body


def spool(job: ExportJob) -> list[str]:
    return sorted(path.name for path in files.folder(job).iterdir())


def refusing(status: int, code: str, named: str, *, times: float = 1, after: int = 0) -> Any:
    """Refuse so many requests that have `named` in the query, after letting some pass."""
    asked = 0

    def refuse(method: str, path: str, query: dict[str, str]) -> tuple[int, str] | None:
        nonlocal asked
        if method not in {"PUT", "POST"} or named not in query:
            return None
        asked += 1
        return (status, code) if after < asked <= after + times else None

    return refuse


def test_a_file_of_several_parts_is_whole_in_the_bucket_before_the_export_is_ready(
    on_s3: Server, ask: Ask
) -> None:
    seen = []

    def told(job: ExportJob, **_: Any) -> None:
        seen.append((job.status, len(on_s3.objects())))

    export_succeeded.connect(told)
    try:
        job = worked(ask())
    finally:
        export_succeeded.disconnect(told)
    assert job.status == "succeeded", job.error
    size = len(in_bucket(on_s3, job))

    assert size > 3 * PART
    assert on_s3.gate.count("PUT", "partNumber") == -(-size // PART)
    assert (on_s3.uploads(), ExportUpload.objects.count(), seen) == ([], 0, [("succeeded", 1)])
    assert spool(job) == [], "shards and the file's own copy are gone"
    states = job.events.filter(kind="moved").values_list("data__after", flat=True)
    assert [*states][-3:] == ["merging", "uploading", "succeeded"]


def test_a_small_file_is_sent_as_a_whole(on_s3: Server, ask: Ask, settings: Any) -> None:
    settings.EXPORTAPP_UPLOAD_PART_BYTES = 5 * 2**20
    job = worked(ask(3))
    assert in_bucket(on_s3, job)
    assert on_s3.gate.count("POST", "uploads") == 0


def test_a_storage_that_fails_for_a_moment_is_tried_again_from_the_part_that_is_missing(
    on_s3: Server, ask: Ask
) -> None:
    on_s3.gate.refuse = refusing(503, "SlowDown", "partNumber", after=3)
    job = worked(ask())

    assert in_bucket(on_s3, job)
    parts = [query["partNumber"] for method, query in on_s3.gate.seen if "partNumber" in query]
    assert on_s3.gate.count("POST", "uploads") == 1
    assert len(parts) - len(set(parts)) <= 4, "what was under way at most is sent twice"
    assert job.events.filter(kind="retried").count() == 1


def test_a_storage_that_refuses_is_for_a_person_who_may_resume_when_it_does_not(
    on_s3: Server, ask: Ask
) -> None:
    on_s3.gate.refuse = refusing(403, "AccessDenied", "partNumber", times=99, after=2)
    job = worked(ask())

    assert (job.status, job.error_code) == ("failed", "storage_refused")
    assert "AccessDenied" in job.error
    assert job.events.filter(kind="alarm", data__about="upload").exists()
    assert on_s3.uploads() == [], "what was begun is given up"

    on_s3.gate.refuse = lambda *_: None
    lifecycle.resume(job, queue=False)
    merges = job.events.filter(kind="merged").count()
    assert in_bucket(on_s3, worked(job))
    assert job.events.filter(kind="rendered").count() == 1, "nothing is made again"
    assert merges == 1


def test_a_missing_bucket_says_so(on_s3: Server, ask: Ask, settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"results": on_s3.storage(bucket_name="nowhere")}
    job = worked(ask(3))
    assert (job.status, job.error_code) == ("failed", "storage_refused")
    assert "NoSuchBucket" in job.error


@pytest.mark.parametrize("deed", ["pause", "cancel"])
def test_a_word_of_a_person_is_heard_between_parts(
    on_s3: Server, ask: Ask, deed: str, settings: Any
) -> None:
    settings.EXPORTAPP_BEAT_SECONDS = 0.01
    settings.EXPORTAPP_UPLOAD_PART_BYTES = PART // 4
    job = ask()

    def at_third(method: str, path: str, query: dict[str, str]) -> None:
        if query.get("partNumber") == "3":
            on_s3.gate.refuse = lambda *_: None
            from django.db import connection

            try:
                getattr(lifecycle, deed)(ExportJob.objects.get(pk=job.pk))
            finally:
                connection.close()

    on_s3.gate.refuse = at_third  # type: ignore[assignment]
    worked(job)
    if deed == "cancel":
        assert (job.status, on_s3.uploads(), on_s3.objects()) == ("cancelled", [], [])
        return
    assert job.status == "paused"
    (upload,) = on_s3.uploads()
    before = ExportUpload.objects.get().parts.count()
    assert 0 < before < job.files.get().size // (PART // 4)
    on_s3.gate.seen.clear()
    lifecycle.resume(job, queue=False)
    size = len(in_bucket(on_s3, worked(job)))
    assert on_s3.gate.count("POST", "uploads") == 0, "the upload went on"
    assert on_s3.gate.count("PUT", "partNumber") <= -(-size // (PART // 4)) - before


def test_a_late_worker_s_end_of_an_upload_does_not_count(
    on_s3: Server, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exportapp.jobs.objects import s3put
    from exportapp.models import ExportJob as Job

    job, original = ask(), s3put.Put._put_parts

    def slow(self: Any, *args: Any) -> str:
        name = original(self, *args)
        # Meanwhile the lease was lost, and another worker holds the job.
        Job.objects.filter(pk=job.pk).update(fence=Job.objects.get(pk=job.pk).fence + 1)
        monkeypatch.setattr(s3put.Put, "_put_parts", original)
        return name

    monkeypatch.setattr(s3put.Put, "_put_parts", slow)
    worked(job)
    assert job.status == "uploading"
    assert job.files.get().storage == ""
    Job.objects.update(lease_until=None)
    on_s3.gate.seen.clear()
    assert in_bucket(on_s3, worked(job))
    assert on_s3.gate.count("PUT", "partNumber") == 0, "the object is there and is what it was"


def test_a_file_that_is_damaged_before_it_goes_is_put_together_again(
    on_s3: Server, ask: Ask
) -> None:
    job = ask()
    on_s3.gate.refuse = refusing(503, "SlowDown", "uploads")

    def damage(sender: Any = None, **_: Any) -> None:
        (file,) = job.files.all()
        files.local_path(file.path).write_bytes(b"something else")

    from exportapp.jobs import attempts

    original = attempts._try_again
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "_try_again", lambda *args: (damage(), original(*args)))
        worked(job)
    assert in_bucket(on_s3, job)
    assert job.events.filter(kind="damaged").count() == 1


def test_nothing_is_left_behind_when_its_time_is_over(on_s3: Server, ask: Ask) -> None:
    job = worked(ask())
    on_s3.client.put_object(Bucket=BUCKET, Key=f"made/here/{job.pk}/stray.f1.xlsx", Body=b"x")
    on_s3.client.put_object(Bucket=BUCKET, Key="made/here/somebody/elses.xlsx", Body=b"x")
    lifecycle.discard(job)
    assert on_s3.objects() == ["made/here/somebody/elses.xlsx"]

    # A worker that comes late, after the end.
    key = f"made/here/{job.pk}/late.f9.xlsx"
    on_s3.client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    on_s3.client.create_multipart_upload(Bucket=BUCKET, Key=key)
    take_turn(thorough=True)
    assert (on_s3.objects(), on_s3.uploads()) == (["made/here/somebody/elses.xlsx"], [])
    assert (expire(), sweep()) == (0, 0)
